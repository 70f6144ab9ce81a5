import {
  type AsyncCall,
  type AsyncCallList,
  asyncCallListSchema,
  asyncCallSchema,
  EventStreamParser,
  parseResponse,
} from "@faas/core";
import type { Client } from "./client.ts";
import type { HttpResponse } from "./http-transport.ts";

/** Requests about asynchronous calls. */

/** Name of an asynchronous call. */
export interface CallRef {
  readonly org: string;
  readonly id: string;
}

/** Lists asynchronous calls of an organization that meet the query, the newest first. */
export function listAsyncCalls(
  client: Client,
  org: string,
  query: Readonly<Record<string, string>>,
): Promise<AsyncCallList> {
  return client.json(asyncCallListSchema, "GET", `${callsPath(org)}?${new URLSearchParams(query)}`);
}

/**
 * Returns an asynchronous call.
 *
 * @param wait duration of at most a minute: the server responds then, or earlier when the call has ended
 */
export const asyncCall = (client: Client, ref: CallRef, wait?: string): Promise<AsyncCall> =>
  client.json(asyncCallSchema, "GET", `${callPath(ref)}${wait === undefined ? "" : `?wait=${wait}`}`);

/** Reads the states of an asynchronous call: the present one, and each change until it has ended. */
export async function* asyncCallChanges(client: Client, ref: CallRef): AsyncGenerator<AsyncCall> {
  const path = `${callPath(ref)}/events`;
  const parser = new EventStreamParser();
  const decoder = new TextDecoder();
  for await (const chunk of client.read(await client.stream(path)))
    for (const { data } of parser.push(decoder.decode(chunk, { stream: true })))
      yield parseResponse(asyncCallSchema, JSON.parse(data), `GET ${path}`);
}

/** Returns the last response of the function to an asynchronous call, as the function sent it. */
export const asyncCallResponse = (client: Client, ref: CallRef): Promise<HttpResponse> =>
  client.call(`${callPath(ref)}/response`, { method: "GET" });

/** Delivers a call now: a failed one has all its attempts again. */
export const retryAsyncCall = (client: Client, ref: CallRef): Promise<AsyncCall> =>
  client.json(asyncCallSchema, "POST", `${callPath(ref)}/retry`);

/** Removes a call with its response. */
export const dropAsyncCall = (client: Client, ref: CallRef): Promise<void> => client.delete(callPath(ref));

const callsPath = (org: string) => `/-/orgs/${encodeURIComponent(org)}/calls`;

const callPath = ({ org, id }: CallRef) => `${callsPath(org)}/${encodeURIComponent(id)}`;
