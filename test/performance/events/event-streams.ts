import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { tempDir } from "@faas/testing";
import { EndpointsServer } from "../rig/endpoints-server.ts";
import { median, type Row } from "../rig/table.ts";
import { usage } from "../rig/usage.ts";

const ENDPOINTS = 100;
const STREAMS = 10;
/** Endpoints that are called, so that their figures change every second. */
const CALLED = 10;
const CALLS_PER_SECOND = 20;
const SECONDS = 10;
const ROUNDS = 6;

/** Measures the CPU of a server that streams events and figures to ten readers, against the same load without readers, in turns. */
export async function eventStreams(): Promise<Row[]> {
  await using server = new EndpointsServer("acme");
  const source = join(tempDir("event-streams"), "source");
  await mkdir(source);
  await writeFile(join(source, "index.mjs"), "export const handler = () => 'hello';\n");
  await server.start();
  await server.deploy(source);
  await server.registerUpTo(ENDPOINTS, 8);
  for (let i = 0; i < CALLED; i++) await server.call(i);
  const shares: { readonly without: number; readonly withStreams: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const without = await cpuShare(server);
    const closed = new AbortController();
    const events = await Promise.all(Array.from({ length: STREAMS }, () => openStream(server.url, closed.signal)));
    const withStreams = await cpuShare(server);
    closed.abort();
    if (events.some((count) => count() < SECONDS / 2)) throw new Error("Expected figures every second on each stream");
    shares.push({ without, withStreams });
  }
  const percent = (share: number) => `${(share * 100).toFixed(2)}%`;
  const cost = median(shares.map(({ without, withStreams }) => withStreams - without));
  return [
    {
      measure: `${STREAMS} streams of events with figures, ${ENDPOINTS} endpoints, ${CALLED} of them called: more CPU of the server`,
      baseline: `without streams: ${percent(median(shares.map(({ without }) => without)))}`,
      ours: percent(median(shares.map(({ withStreams }) => withStreams))),
      value: cost * 100,
      goal: 1,
      unit: "% of a core",
    },
  ];
}

/** Calls endpoints at a fixed rate; returns the CPU of the server as a share of a core. */
async function cpuShare(server: EndpointsServer): Promise<number> {
  const before = await usage(server.pid);
  const started = performance.now();
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < SECONDS * CALLS_PER_SECOND; i++) {
    calls.push(server.call(i % CALLED));
    await delay(Math.max(0, started + (i * 1_000) / CALLS_PER_SECOND - performance.now()));
  }
  await Promise.all(calls);
  const seconds = (performance.now() - started) / 1_000;
  return ((await usage(server.pid)).cpuSeconds - before.cpuSeconds) / seconds;
}

/** Opens a stream with figures; returns a function that counts its events so far. */
async function openStream(url: string, signal: AbortSignal): Promise<() => number> {
  const response = await fetch(`${url}/-/events?stats=true`, { signal });
  let count = 0;
  const read = async () => {
    for await (const chunk of response.body as ReadableStream<Uint8Array>)
      count += Buffer.from(chunk).toString().split("\ndata: ").length;
  };
  read().catch(() => {});
  return () => count;
}
