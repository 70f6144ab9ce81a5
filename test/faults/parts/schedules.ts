import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { eventually, seeded } from "@faas/testing";
import { type FaultOptions, type FaultResult, resultOf } from "../part.ts";
import { Served } from "../served.ts";

const ENDPOINTS = ["a", "b"];
const SCHEDULES = 50;
const MINUTE_MS = 60_000;
/** Kills hit the storing of the calls of a minute, which takes a few milliseconds, or come before. */
const BEFORE_MS = 500;
const AFTER_MS = 60;
/** Longest time from the start of the next server to its own kill, in every second round. */
const SECOND_KILL_MS = 1_500;

/** Kills the server with kill -9 at random moments around the times of 100 schedules. Each time must have one call, and each call a run. */
export async function run({ long, minutes = 20, seed, print }: FaultOptions): Promise<FaultResult> {
  const rounds = long ? minutes : 2;
  const random = seeded(seed);
  await using recorder = await Recorder.start();
  await using served = await Served.start("embedded", { args: ["--pool-size", "0"] });
  const fromMs = await deploySchedules(served, recorder.url);
  let kills = 0;
  for (let round = 0; round < rounds; round++) {
    const boundaryMs = Math.floor(Date.now() / MINUTE_MS + 1) * MINUTE_MS;
    const offsetMs = round % 4 === 0 ? -random() * BEFORE_MS : random() * AFTER_MS;
    await delay(Math.max(0, boundaryMs + offsetMs - Date.now()));
    await served.killServer();
    kills++;
    await served.up();
    if (round % 2 === 0) continue;
    await delay(random() * SECOND_KILL_MS);
    await served.killServer();
    kills++;
    await served.up();
  }
  const times: string[] = [];
  for (let ms = Math.floor(fromMs / MINUTE_MS + 1) * MINUTE_MS; ms <= Date.now(); ms += MINUTE_MS)
    times.push(new Date(ms).toISOString());
  const expected = times.flatMap((time) =>
    ENDPOINTS.flatMap((endpoint) => namesOf(endpoint).map((name) => `${name} ${time}`)),
  );
  const missing = await recorder.missing(expected);
  const twice = [...recorder.calls].filter(([, ids]) => ids.size > 1).map(([key]) => key);
  for (const key of missing) print(`no run: ${key}`);
  for (const key of twice) print(`more than one call: ${key}`);
  const what = "kill -9 of the server around the times of 100 schedules";
  const seen = `${times.length} times of each; ${recorder.repeated} deliveries repeated with the same call`;
  const lost = missing.length + twice.length;
  return resultOf([{ what, faults: kills, tried: expected.length, of: "scheduled runs", lost, seen }], print);
}

const namesOf = (endpoint: string) => Array.from({ length: SCHEDULES }, (_, index) => `${endpoint}${index}`);

/** Deploys the schedules long enough before the next minute, and returns the time from which they count. */
async function deploySchedules(served: Served, url: string): Promise<number> {
  const artifact = await served.artifact(`
    export const handler = async ({ headers }) => {
      await fetch(${JSON.stringify(url)}, { method: "POST", body: JSON.stringify(headers) });
      return "recorded";
    };`);
  const untilMinuteMs = MINUTE_MS - (Date.now() % MINUTE_MS);
  if (untilMinuteMs < 10_000) await delay(untilMinuteMs + 100);
  for (const endpoint of ENDPOINTS) {
    const schedules = namesOf(endpoint).map((name) => ({ name, cron: "* * * * *", overlap: true, missed: 100 }));
    await served.deploy(endpoint, artifact, { schedules });
  }
  return Date.now();
}

/** Server that records the runs of schedules. */
class Recorder implements AsyncDisposable {
  readonly url: string;
  /** Ids of calls by name and time. */
  readonly calls = new Map<string, Set<string>>();
  repeated = 0;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", async (request, response) => {
      const headers = JSON.parse(Buffer.concat(await request.toArray()).toString());
      this.#record(`${headers["x-faas-schedule"]} ${headers["x-faas-scheduled-time"]}`, headers["x-faas-call-id"]);
      response.end();
    });
  }

  static async start(): Promise<Recorder> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Recorder(server);
  }

  /** Waits until all of these have run, for a minute; returns those that have not. */
  async missing(expected: readonly string[]): Promise<readonly string[]> {
    const missing = () => expected.filter((key) => !this.calls.has(key));
    const all = async () => {
      if (missing().length > 0) throw new Error("some runs are missing");
    };
    await eventually("all runs", all, { timeoutMs: MINUTE_MS, intervalMs: 100 }).catch(() => {});
    return missing();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #record(key: string, call: string): void {
    const ids = this.calls.get(key) ?? new Set();
    if (ids.has(call)) this.repeated++;
    this.calls.set(key, ids.add(call));
  }
}
