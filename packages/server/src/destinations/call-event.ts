import { isUtf8 } from "node:buffer";
import type { DeliveryNote } from "../async-calls/delivery-note.ts";

/** Media type of a CloudEvent as a document (CloudEvents 1.0, HTTP binding, structured mode). */
export const EVENT_TYPE = "application/cloudevents+json";

/** An asynchronous call that has ended. */
export interface EndedCall {
  readonly id: string;
  readonly org: string;
  readonly endpoint: string;
  readonly method: string;
  /** Path and query, as the function saw them. */
  readonly path: string;
  readonly state: "completed" | "failed";
  readonly enqueuedMs: number;
  readonly attempts: number;
  /** Number of times that it has failed and was retried by hand. */
  readonly retries: number;
  /** Its last delivery. */
  readonly note: DeliveryNote;
  /** Kept part of the response's body. */
  readonly body: Buffer;
}

/** Part of a response's body that an event has. */
const MAX_BODY_BYTES = 256 * 1024;

/** Returns the id of the event of a call's end: the same whenever this end is stored again after a crash. */
export const eventIdOf = ({ id, state, retries }: Pick<EndedCall, "id" | "state" | "retries">): string =>
  retries === 0 ? `${id}.${state}` : `${id}.${state}.${retries}`;

/** Formats the event of a call's end. */
export function formatCallEvent(call: EndedCall): Buffer {
  const { id, org, endpoint, method, path, state, attempts, note } = call;
  const { code, detail } = note;
  const failure = code === undefined ? {} : { error: { code, ...(detail === undefined ? {} : { detail }) } };
  return Buffer.from(
    JSON.stringify({
      specversion: "1.0",
      id: eventIdOf(call),
      source: `/orgs/${org}/endpoints/${endpoint}`,
      type: `faas.call.${state}`,
      subject: id,
      time: new Date(note.startedMs + note.durationMs).toISOString(),
      datacontenttype: "application/json",
      data: {
        call: { id, org, endpoint, method, path, attempts, acceptedAt: new Date(call.enqueuedMs).toISOString() },
        ...(note.status === undefined ? {} : { response: responseOf(call) }),
        ...failure,
      },
    }),
  );
}

function responseOf({ note: { status, headers = [], bytes = 0 }, body }: EndedCall) {
  const kept = body.subarray(0, MAX_BODY_BYTES);
  const isTruncated = kept.length < bytes;
  const text = textOf(kept, isTruncated);
  return {
    status,
    headers: joined(headers),
    ...(text === undefined ? { bodyBase64: kept.toString("base64") } : { body: text }),
    ...(isTruncated ? { bytes, truncated: true } : {}),
  };
}

/** Returns bytes as text, without a character that was cut off at the end; undefined if they are not UTF-8. */
function textOf(bytes: Buffer, isTruncated: boolean): string | undefined {
  for (let cut = 0; cut <= (isTruncated ? 3 : 0) && cut <= bytes.length; cut++) {
    const part = bytes.subarray(0, bytes.length - cut);
    if (isUtf8(part)) return part.toString();
  }
  return undefined;
}

/** Joins the values of headers with the same name (RFC 9110 section 5.3). */
function joined(headers: readonly (readonly [name: string, value: string])[]): Record<string, string> {
  const result = new Map<string, string>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const before = result.get(key);
    result.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  return Object.fromEntries(result);
}
