import {
  type EndpointRef,
  endpointKey,
  FaasError,
  type LimitNumbers,
  type Logger,
  parseSize,
  type Source,
  toProblem,
} from "@faas/core";
import type { AsyncCallAcceptor } from "@faas/gateway";
import { servingRevision } from "../../state/records.ts";
import type { Store } from "../../state/store.ts";
import { type SourceMessage, sourceCall } from "./source-message.ts";
import type { SourceOutcome } from "./source-metrics.ts";
import { checkSourceAllowed } from "./source-policy.ts";

export interface SourceIntakeOptions {
  readonly store: Pick<Store, "endpoint" | "org">;
  readonly calls: AsyncCallAcceptor;
  readonly limitsOf: (org: string) => Pick<LimitNumbers, "bodyBytes">;
  readonly onOutcome: (ref: EndpointRef, outcome: SourceOutcome) => void;
  readonly log: Logger;
}

/** Fate of a message. */
export type Taken =
  | { readonly outcome: "accepted" | "duplicate"; readonly id: string }
  | { readonly outcome: "delayed" | "rejected"; readonly error: FaasError };

/** Makes messages asynchronous calls. */
export class SourceIntake {
  readonly #options: SourceIntakeOptions;

  constructor(options: SourceIntakeOptions) {
    this.#options = options;
  }

  /** Accepts a message; it is stored when the promise resolves. Messages are stored in the order of the calls. */
  async take(ref: EndpointRef, source: Source, message: SourceMessage): Promise<Taken> {
    const taken = await this.#accept(ref, source, message);
    this.#options.onOutcome(ref, taken.outcome);
    if (taken.outcome === "rejected")
      this.#options.log.warn({ ...ref, subject: message.subject, err: taken.error }, "rejected a message of a source");
    return taken;
  }

  /** Counts a message that cannot be accepted. */
  reject(ref: EndpointRef, error: FaasError): Taken {
    this.#options.onOutcome(ref, "rejected");
    return { outcome: "rejected", error };
  }

  async #accept(ref: EndpointRef, source: Source, message: SourceMessage): Promise<Taken> {
    try {
      // While it is being stopped, a source may not be allowed any longer.
      checkSourceAllowed(ref.org, source, this.#options.store.org(ref.org)?.limits?.natsSubjects);
      const call = sourceCall(ref, source, message, this.#maxBytes(ref));
      const { id, isDuplicate } = await this.#options.calls.accept(call);
      return { outcome: isDuplicate ? "duplicate" : "accepted", id };
    } catch (cause) {
      const error = cause instanceof FaasError ? cause : new FaasError("INTERNAL", toProblem(cause).detail, { cause });
      const isFinal = source.stream === undefined || FINAL.has(error.code);
      return { outcome: isFinal ? "rejected" : "delayed", error };
    }
  }

  #maxBytes(ref: EndpointRef): number {
    const record = this.#options.store.endpoint(ref);
    if (record === undefined) throw new FaasError("ENDPOINT_NOT_FOUND", `There is no endpoint ${endpointKey(ref)}`);
    const own = parseSize(servingRevision(record).settings.bodyLimit) as number;
    return Math.min(own, this.#options.limitsOf(ref.org).bodyBytes);
  }
}

/** Errors that a message has whenever it is delivered. */
const FINAL: ReadonlySet<string> = new Set(["BODY_TOO_LARGE", "HEADERS_TOO_LARGE", "LOOP_DETECTED"]);
