import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { FaasError, isSameSecret, parseRegistryHookToken } from "@faas/core";
import { HookThrottle } from "../triggers/hooks/hook-throttle.ts";
import type { FollowService } from "./follow-service.ts";
import { readPushes } from "./registry-push.ts";

/**
 * Reads the token of the registries' notifications from a file; undefined without one.
 *
 * @throws USAGE
 */
export async function readHookToken(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const text = await readFile(file, "utf8").catch((error) => {
    throw new FaasError("USAGE", `The file with the token of registries could not be read: ${error.message}`);
  });
  return parseRegistryHookToken(text, file);
}

/** Receives the notifications of registries. What they say is not believed: they only cause checks at the registry. */
export class RegistryHook {
  readonly #token: string | undefined;
  readonly #follow: Pick<FollowService, "notified">;
  readonly #throttle = new HookThrottle();

  constructor(token: string | undefined, follow: Pick<FollowService, "notified">) {
    this.#token = token;
    this.#follow = follow;
  }

  /**
   * Checks who sent a notification, and starts the checks of the tags that it names. Returns their number.
   *
   * @param address address of the sender
   * @param readBody reads the bytes of the body; not called for a sender without any token or signature
   * @throws HOOK_NOT_FOUND, HOOK_LIMITED, HOOK_SIGNATURE_INVALID, MALFORMED_JSON, INVALID_REQUEST
   */
  async receive(headers: IncomingHttpHeaders, address: string, readBody: () => Promise<Buffer>): Promise<number> {
    const token = this.#token;
    if (token === undefined)
      throw new FaasError(
        "HOOK_NOT_FOUND",
        "This server takes no notifications of registries: start it with --registry-hook-token-file",
      );
    this.#throttle.check("registry", address, performance.now());
    const isSigned = headers["x-hub-signature-256"] !== undefined;
    // The token comes first: a body is read only for a sender that has it.
    if (!isSigned && !hasToken(headers, token)) throw this.#rejected(address);
    const body = await readBody();
    if (isSigned && !hasSignature(headers, body, token)) throw this.#rejected(address);
    this.#throttle.verified("registry", address, performance.now());
    const pushes = readPushes(parse(body));
    if (pushes) return this.#follow.notified(pushes);
    throw new FaasError(
      "INVALID_REQUEST",
      "Expected a notification of distribution, Harbor (default format), GitHub (registry_package, package) or GitLab's registry, got another document",
    );
  }

  #rejected(address: string): FaasError {
    this.#throttle.failed("registry", address, performance.now());
    return invalid();
  }
}

const invalid = () =>
  new FaasError(
    "HOOK_SIGNATURE_INVALID",
    "Expected the registry's token as Authorization: Bearer TOKEN or X-Gitlab-Token, or GitHub's X-Hub-Signature-256 made with it",
  );

/** Checks `Authorization: Bearer TOKEN`, also without "Bearer", as Harbor's setting is often filled in, and `X-Gitlab-Token`. */
function hasToken(headers: IncomingHttpHeaders, token: string): boolean {
  const given = [headers.authorization?.replace(/^bearer +/i, ""), headers["x-gitlab-token"]];
  return given.some((each) => typeof each === "string" && isSameSecret(each, token));
}

/** Checks the HMAC of a body (GitHub, "Validating webhook deliveries"). */
function hasSignature(headers: IncomingHttpHeaders, body: Buffer, token: string): boolean {
  const expected = `sha256=${createHmac("sha256", token).update(body).digest("hex")}`;
  return isSameSecret(String(headers["x-hub-signature-256"]), expected);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    throw new FaasError("MALFORMED_JSON", `The notification is not JSON: ${(error as Error).message}`);
  }
}
