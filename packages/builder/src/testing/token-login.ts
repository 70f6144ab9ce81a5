import type { IncomingMessage, ServerResponse } from "node:http";
import { respondWithError } from "./fake-registry.ts";

/** For tests: token authentication of a registry (the distribution project's specification), with what each login may do. */

export interface TokenLogin {
  /** Answers requests without a sufficient token, and those for tokens. */
  readonly answer: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Scopes of the issued tokens, in order. */
  readonly issued: string[][];
  /** Makes all issued tokens invalid. */
  expire(): void;
}

/** @param mayUse returns true if the login may have a scope such as `repository:acme/x:push` */
export function tokenLogin(
  username: string,
  password: string,
  mayUse: (scope: string) => boolean = () => true,
): TokenLogin {
  const issued: string[][] = [];
  const tokens = new Map<string, readonly string[]>();
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const issue = (request: IncomingMessage, response: ServerResponse) => {
    const isKnown = request.headers.authorization === expected;
    const scopes = new URL(request.url ?? "", "http://x").searchParams.getAll("scope").flatMap(single);
    const granted = scopes.filter((scope) => (isKnown ? mayUse(scope) : scope.startsWith("repository:library/")));
    const token = `token-${issued.length}`;
    tokens.set(token, granted);
    issued.push(granted);
    response.setHeader("Content-Type", "application/json").end(JSON.stringify({ token }));
  };
  return {
    issued,
    expire: () => tokens.clear(),
    answer(request, response) {
      if (request.url?.startsWith("/token?")) {
        issue(request, response);
        return true;
      }
      const scopes = neededScopes(request);
      const granted = tokens.get(request.headers.authorization?.slice("Bearer ".length) ?? "") ?? [];
      if (scopes.flatMap(single).every((scope) => granted.includes(scope))) return false;
      const realm = `http://${request.headers.host}/token`;
      const challenge = `Bearer realm="${realm}",service="memory",scope="${scopes.join(" ")}"`;
      respondWithError(response, 401, "UNAUTHORIZED", "authentication required", { "WWW-Authenticate": challenge });
      return true;
    },
  };
}

/** Splits `repository:x:pull,push` into one scope per action. */
function single(scope: string): string[] {
  const colon = scope.lastIndexOf(":");
  return scope
    .slice(colon + 1)
    .split(",")
    .map((action) => `${scope.slice(0, colon)}:${action}`);
}

function neededScopes({ method, url = "" }: IncomingMessage): string[] {
  const { pathname, searchParams } = new URL(url, "http://x");
  const [, repository] = /^\/v2\/(.+?)\/(?:blobs|manifests)\//.exec(pathname) ?? [];
  const from = searchParams.get("from");
  const actions = method === "GET" || method === "HEAD" ? "pull" : "pull,push";
  return [`repository:${repository}:${actions}`, ...(from === null ? [] : [`repository:${from}:pull`])];
}
