import { createHash } from "node:crypto";
import { type EventsAccepted, matchesPattern, type Subscription } from "@faas/core";
import type { AsyncCallAcceptor, NewAsyncCall } from "@faas/gateway";
import { internalCall } from "../../async-calls/internal-call.ts";
import type { Store } from "../../state/store.ts";
import { forwardedLines } from "../forwarded-lines.ts";
import type { Attributes } from "./attributes.ts";
import { type EventMessage, type ReceivedEvent, readEvents } from "./read-events.ts";

export interface EventServiceOptions {
  readonly store: Pick<Store, "subscriptions">;
  readonly asyncCalls: AsyncCallAcceptor;
}

/** Headers that are not passed on: they are for this server. */
const UNFORWARDED: ReadonlySet<string> = new Set(["authorization", "cookie", "idempotency-key"]);

interface PlannedCall {
  readonly index: number;
  readonly event: string;
  readonly call: NewAsyncCall;
}

/** CloudEvents: finds the subscriptions that match, and makes events asynchronous calls. */
export class EventService {
  readonly #options: EventServiceOptions;

  constructor(options: EventServiceOptions) {
    this.#options = options;
  }

  /**
   * Accepts the events of a message for each endpoint of the organization with a subscription that matches. When it rejects after the events have been
   * read, some may have been accepted: sent again, those are not delivered again.
   *
   * @throws CLOUDEVENT_INVALID, MALFORMED_JSON, UNSUPPORTED_MEDIA_TYPE, CALLS_LIMITED, QUEUE_FAILED
   */
  async publish(org: string, message: EventMessage, requestId: string): Promise<EventsAccepted> {
    const events = readEvents(message);
    const subscriptions = [...this.#options.store.subscriptions(org)];
    const planned = events.flatMap((event, index) =>
      subscriptions.flatMap(([endpoint, list]): PlannedCall[] => {
        const match = list.find((each) => isMatch(each, event.attributes));
        if (match === undefined) return [];
        const call = callFor({ org, endpoint }, event, { message, match, requestId });
        return [{ index, event: event.attributes.get("id") as string, call }];
      }),
    );
    // Together: the queue writes them to disk at once.
    const results = await Promise.allSettled(planned.map(({ call }) => this.#options.asyncCalls.accept(call)));
    const calls = results.map((result, i) => {
      if (result.status === "rejected") throw result.reason;
      const { index, event, call } = planned[i] as PlannedCall;
      const { id, isDuplicate } = result.value;
      const location = `/-/orgs/${org}/calls/${id}`;
      return {
        ...{ event, index, endpoint: call.endpoint, id, location },
        ...(isDuplicate && { duplicate: true as const }),
      };
    });
    return { calls };
  }
}

/** Returns true if an event has all values that a subscription names. */
export function isMatch({ type = "*", source = "*", extensions = {} }: Subscription, attributes: Attributes): boolean {
  return [["type", type] as const, ["source", source] as const, ...Object.entries(extensions)].every(
    ([name, pattern]) => {
      const value = attributes.get(name);
      return value !== undefined && matchesPattern(pattern, value);
    },
  );
}

interface CallContext {
  readonly message: EventMessage;
  readonly match: Subscription;
  readonly requestId: string;
}

function callFor(
  ref: { readonly org: string; readonly endpoint: string },
  { attributes, body, contentType }: ReceivedEvent,
  { message, match, requestId }: CallContext,
): NewAsyncCall {
  // Source and id together identify an event.
  const identity = JSON.stringify([attributes.get("source"), attributes.get("id")]);
  const idempotencyKey = `event/${createHash("sha256").update(identity).digest("hex")}`;
  const { path: target = "/" } = match;
  const call = internalCall({ ...ref, target, body, requestId, idempotencyKey });
  const unchanged = forwardedLines(message, contentType ? new Set([...UNFORWARDED, "content-type"]) : UNFORWARDED);
  const lines = contentType ? `${unchanged}Content-Type: ${contentType}\r\n` : unchanged;
  return { ...call, request: { ...call.request, lines } };
}
