import { formatHeaded, parseHeaded } from "./headed-bytes.ts";

/** A request as it is stored until it is delivered. The format is additive: readers ignore fields that they do not know. */
export interface RecordedRequest {
  readonly method: string;
  /** Request target in origin form, as the client sent it. */
  readonly url: string;
  /** Path and query, as the function sees them. */
  readonly target: string;
  readonly host: string;
  /** Address of the client. */
  readonly address: string;
  readonly proto: "http" | "https";
  /** Lines of the headers that are passed on unchanged, each with CR LF. */
  readonly lines: string;
  /** Headers that the gateway reads, by name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Revision or tag that it is for. Absent: the serving revision, or one of the endpoint's split. */
  readonly revision?: string;
  /** Request id of the call that was accepted. */
  readonly requestId: string;
  /** URL that it is for, in place of an endpoint, and the endpoint whose call has led to it. */
  readonly destination?: { readonly url: string; readonly org: string; readonly endpoint: string };
}

/** Formats a request with its body, as they are stored. */
export const formatRecord = (request: RecordedRequest, body: Buffer): Buffer => formatHeaded(request, body);

/** Parses the result of {@link formatRecord}. */
export function parseRecord(record: Buffer): { readonly request: RecordedRequest; readonly body: Buffer } {
  const { head, body } = parseHeaded<RecordedRequest>(record);
  return { request: head, body };
}
