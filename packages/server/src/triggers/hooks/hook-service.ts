import type { IncomingHttpHeaders } from "node:http";
import { type EndpointRef, FaasError, type Hook, hookPath, parseSize } from "@faas/core";
import type { AcceptedCall, AsyncCallAcceptor } from "@faas/gateway";
import { internalCall } from "../../async-calls/internal-call.ts";
import { servingRevision } from "../../state/records.ts";
import type { Store } from "../../state/store.ts";
import { forwardedLines } from "../forwarded-lines.ts";
import { hookIdempotencyKey, receiverReply } from "./hook-message.ts";
import type { HookSecrets } from "./hook-secrets.ts";
import { HookThrottle } from "./hook-throttle.ts";
import { signatureClaim } from "./signature.ts";

export interface HookServiceOptions {
  readonly store: Pick<Store, "endpoint" | "addressOwner">;
  readonly secrets: Pick<HookSecrets, "value">;
  readonly asyncCalls: AsyncCallAcceptor;
}

/** Request of the sender of a webhook. */
export interface HookRequest {
  readonly org: string;
  readonly name: string;
  readonly headers: IncomingHttpHeaders;
  /** Alternating names and values, as they were received. */
  readonly rawHeaders: readonly string[];
  /** Query, beginning with "?", or nothing. */
  readonly query: string;
  readonly requestId: string;
  /** Address of the sender, or of the last proxy before the server. */
  readonly address: string;
  /** Reads the body. @throws BODY_TOO_LARGE */
  readBody(maxBytes: number): Promise<Buffer>;
}

/** Result of a verified request: accepted for the function, or a reply that the sender expects of the receiver itself. */
export type ReceivedHook =
  | { readonly type: "accepted"; readonly provider: Hook["provider"]; readonly call: AcceptedCall }
  | { readonly type: "reply"; readonly text: string };

/** Headers that are not passed on: the secret itself, and those by which the server recognizes repeated calls. */
const UNFORWARDED: ReadonlySet<string> = new Set(["authorization", "x-gitlab-token", "idempotency-key"]);

/** Webhooks: verifies requests by their raw bodies, and makes them asynchronous calls. */
export class HookService {
  readonly #options: HookServiceOptions;
  readonly #throttle = new HookThrottle();

  constructor(options: HookServiceOptions) {
    this.#options = options;
  }

  /**
   * Receives a request.
   *
   * @param nowMs milliseconds since the epoch
   * @throws HOOK_NOT_FOUND, HOOK_LIMITED, HOOK_SIGNATURE_INVALID, SECRET_UNAVAILABLE, BODY_TOO_LARGE, CALLS_LIMITED, QUEUE_FAILED
   */
  async receive(request: HookRequest, nowMs: number): Promise<ReceivedHook> {
    const { ref, hook, maxBytes } = this.#find(request);
    const { headers, requestId } = request;
    const { claim, body } = await this.#verified(request, hook, maxBytes, nowMs);
    const reply = receiverReply(hook, headers, body);
    if (reply !== undefined) return { type: "reply", text: reply };
    const idempotencyKey = hookIdempotencyKey(hook, headers, body, claim);
    const call = internalCall({
      ...ref,
      ...{ target: targetOf(hook, request.query), body, requestId },
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    });
    const lines = forwardedLines(request, UNFORWARDED);
    const accepted = await this.#options.asyncCalls.accept({ ...call, request: { ...call.request, lines } });
    return { type: "accepted", provider: hook.provider, call: accepted };
  }

  /** Reads and verifies a request. Nothing is read for a sender that has failed too often. */
  async #verified(request: HookRequest, { provider, secret: name }: Hook, maxBytes: number, nowMs: number) {
    const { org, headers, address } = request;
    const key = `${org}/${request.name}`;
    this.#throttle.check(key, address, performance.now());
    try {
      const claim = signatureClaim(provider, headers, nowMs);
      const secret = await this.#options.secrets.value(org, name);
      const body = await request.readBody(maxBytes);
      claim.verify(secret, body);
      this.#throttle.verified(key, address, performance.now());
      return { claim, body };
    } catch (error) {
      if (error instanceof FaasError && error.code === "HOOK_SIGNATURE_INVALID")
        this.#throttle.failed(key, address, performance.now());
      throw error;
    }
  }

  #find({ org, name }: HookRequest): { readonly ref: EndpointRef; readonly hook: Hook; readonly maxBytes: number } {
    const { store } = this.#options;
    const ref = store.addressOwner(hookPath(org, name));
    const record = ref && store.endpoint(ref);
    const settings = record && servingRevision(record).settings;
    const hook = settings?.hooks?.find((each) => each.name === name);
    if (ref === undefined || settings === undefined || hook === undefined)
      throw new FaasError("HOOK_NOT_FOUND", `There is no webhook "${name}" here`);
    return { ref, hook, maxBytes: parseSize(settings.bodyLimit) as number };
  }
}

/** Returns path and query for the function: those of the hook, and the query of the sender. */
function targetOf({ path = "/" }: Hook, query: string): string {
  if (query.length <= 1) return path;
  return path.includes("?") ? `${path}&${query.slice(1)}` : path + query;
}
