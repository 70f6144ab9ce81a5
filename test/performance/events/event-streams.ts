import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { tempDir } from "@faas/testing";
import type { Browser, Page } from "playwright-core";
import { startChromium } from "../../browser/chromium.ts";
import { EndpointsServer } from "../rig/endpoints-server.ts";
import { median, type Row } from "../rig/table.ts";
import { usage } from "../rig/usage.ts";

const ENDPOINTS = 100;
const READERS = 10;
/** Endpoints that are called, so that their figures change every second. */
const CALLED = 10;
const CALLS_PER_SECOND = 20;
/** As long as the page's longest interval. */
const SECONDS = 15;
const ROUNDS = 3;
const PAINTS = 9;

/** Opens a reader of events and figures; resolves with a function that closes it. */
type Open = (server: EndpointsServer, browser: Browser, index: number) => Promise<() => Promise<void>>;

const READER_KINDS: Readonly<Record<string, Open>> = {
  "streams of events with figures": openStream,
  "pages with the list of endpoints": (server, browser) => openPage(browser, server.url, ""),
  "pages of one endpoint each": (server, browser, index) =>
    openPage(browser, server.url, `#/endpoints/${server.org}/e${index}`),
};

/** Measures the CPU of a server with ten readers of each kind against the same load without readers, in turns; and the first paint of the page. */
export async function eventStreams(): Promise<Row[]> {
  await using server = new EndpointsServer("acme");
  await using browser = await startChromium();
  await startWithEndpoints(server);
  const without: number[] = [];
  const shares = new Map(Object.keys(READER_KINDS).map((kind) => [kind, [] as number[]]));
  for (let round = 0; round < ROUNDS; round++) {
    without.push(await cpuShare(server));
    for (const [kind, open] of Object.entries(READER_KINDS)) {
      const close = await Promise.all(Array.from({ length: READERS }, (_, index) => open(server, browser, index)));
      shares.get(kind)?.push(await cpuShare(server));
      await Promise.all(close.map((each) => each()));
    }
  }
  const percent = (share: number) => `${(share * 100).toFixed(2)}%`;
  const rows = Array.from(shares, ([kind, found]) => ({
    measure: `${READERS} ${kind}, ${ENDPOINTS} endpoints, ${CALLED} of them called: more CPU of the server`,
    baseline: `without: ${percent(median(without))}`,
    ours: percent(median(found)),
    value: median(found.map((share, round) => share - (without[round] ?? 0))) * 100,
    ...{ goal: 1, unit: "% of a core" },
  }));
  return [...rows, await firstPaint(browser, server.url)];
}

async function startWithEndpoints(server: EndpointsServer): Promise<void> {
  const source = join(tempDir("event-streams"), "source");
  await mkdir(source);
  await writeFile(join(source, "index.mjs"), "export const handler = () => 'hello';\n");
  await server.start();
  await server.deploy(source);
  await server.registerUpTo(ENDPOINTS, 8);
  for (let i = 0; i < CALLED; i++) await server.call(i);
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

/** Opens a stream with figures. */
async function openStream({ url }: EndpointsServer): Promise<() => Promise<void>> {
  const closed = new AbortController();
  const response = await fetch(`${url}/-/events?stats=true`, { signal: closed.signal });
  let count = 0;
  const read = async () => {
    for await (const chunk of response.body as ReadableStream<Uint8Array>)
      count += Buffer.from(chunk).toString().split("\ndata: ").length;
  };
  read().catch(() => {});
  return async () => {
    closed.abort();
    if (count < SECONDS / 2) throw new Error("Expected figures every second on each stream");
  };
}

/** Opens the page, and waits until it is live. */
async function openPage(browser: Browser, url: string, place: string): Promise<() => Promise<void>> {
  const page = await browser.newPage();
  await page.goto(`${url}/-/ui${place}`);
  await untilLive(page);
  return async () => {
    await untilLive(page);
    await page.close();
  };
}

const untilLive = (page: Page) => page.getByRole("banner").getByText("Live", { exact: true }).waitFor();

/** Measures the time until the browser paints something of the page, without a cache. */
async function firstPaint(browser: Browser, url: string): Promise<Row> {
  const times: number[] = [];
  for (let i = 0; i < PAINTS; i++) {
    const page = await browser.newPage();
    await page.goto(`${url}/-/ui`);
    await untilLive(page);
    times.push(await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"));
    await page.close();
  }
  const value = median(times);
  const ours = `${value.toFixed(0)} ms`;
  return { measure: "first paint of the page, without a cache", baseline: "", ours, value, goal: 1_000, unit: "ms" };
}
