import { type CloudEvent, cloudEventSchema, EventStreamParser, parseResponse } from "@faas/core";
import type { Client } from "./client.ts";

const PATH = "/-/events";

/** Reads events until the server ends the stream. @param after id of an event: only later ones */
export async function* readEvents(
  client: Client,
  query: Readonly<Record<string, string>>,
  after?: string,
): AsyncGenerator<CloudEvent> {
  const headers: Record<string, string> = after === undefined ? {} : { "Last-Event-ID": after };
  const body = await client.stream(`${PATH}?${new URLSearchParams(query)}`, headers);
  const parser = new EventStreamParser();
  const decoder = new TextDecoder();
  for await (const chunk of client.read(body))
    for (const { data } of parser.push(decoder.decode(chunk, { stream: true })))
      yield parseResponse(cloudEventSchema, JSON.parse(data), `GET ${PATH}`);
}
