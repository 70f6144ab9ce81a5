import type { RegistryCredentials } from "../credentials.ts";
import { parseJson } from "./registry-message.ts";
import type { HttpRequest, Transport } from "./transport.ts";

const TOKEN_TIMEOUT_MS = 10_000;

/**
 * Creates the Authorization header for a challenge (RFC 9110 section 11.6.1; the distribution project's token authentication); undefined when the
 * credentials give none.
 */
export async function authorization(
  challenge: string,
  credentials: RegistryCredentials | undefined,
  transport: Transport,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const basic =
    credentials && `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
  if (/^basic\b/i.test(challenge)) return basic;
  const fields = Object.fromEntries(
    Array.from(challenge.matchAll(/(\w+)="([^"]*)"/g), ([, name, value]) => [name, value]),
  );
  const { realm, service, scope = "" } = fields as Record<string, string | undefined>;
  if (!/^bearer\b/i.test(challenge) || realm === undefined) return undefined;
  const query = new URLSearchParams(service ? { service } : {});
  // A mount needs two repositories: their scopes are separated by spaces in the challenge, and parameters of their own in the request.
  for (const each of scope.split(" ")) if (each !== "") query.append("scope", each);
  const { identityToken } = credentials ?? {};
  const request: Omit<HttpRequest, "idleMs"> = identityToken
    ? {
        method: "POST",
        url: realm,
        headers: { "Content-Type": "application/x-www-form-urlencoded" },
        // OAuth 2.0 has one parameter with all scopes (RFC 6749 section 3.3).
        body: new URLSearchParams({
          ...{ ...(service ? { service } : {}), ...(scope ? { scope } : {}) },
          ...{ grant_type: "refresh_token", client_id: "faas", refresh_token: identityToken },
        }).toString(),
      }
    : { method: "GET", url: withQuery(realm, query), headers: basic ? { Authorization: basic } : {} };
  const response = await transport.send({ ...request, idleMs: TOKEN_TIMEOUT_MS }, signal);
  if (response.status >= 500 || response.status === 429) throw new Error(`the token server answers ${response.status}`);
  const { token, access_token = token } = parseJson(response.body) as { token?: string; access_token?: string };
  return response.status === 200 && access_token ? `Bearer ${access_token}` : undefined;
}

function withQuery(realm: string, query: URLSearchParams): string {
  const text = query.toString();
  if (text === "") return realm;
  return `${realm}${realm.includes("?") ? "&" : "?"}${text}`;
}
