import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "@faas/testing";
import { median, percentile, type Row } from "../rig/table.ts";
import { Caller } from "./caller.ts";
import { SplitServer } from "./split-server.ts";

const GATEWAYS = 2;
const KEPT_ROLLBACKS = 40;
const COLD_ROLLBACKS = 10;
const CONNECTIONS = 12;
/** Pause of a client between two calls. */
const PAUSE_MS = 4;

/** Measures rollbacks under load: the time until every gateway has answered a call by the previous revision, and failed calls. */
export async function rollbacks(): Promise<Row[]> {
  const kept = await measure(KEPT_ROLLBACKS, "10m");
  const cold = await measure(COLD_ROLLBACKS, "0s");
  const goal = `from the request until each of ${GATEWAYS} gateways has answered a call by the previous revision`;
  const failed = kept.failed + cold.failed;
  return [
    {
      measure: `rollback with a kept replica, ${goal}: p99 of ${KEPT_ROLLBACKS}`,
      baseline: `p50: ${median(kept.firstMs).toFixed(0)} ms; last call by the replaced revision, p99: ${percentile(kept.lastMs, 0.99).toFixed(0)} ms`,
      ours: `${percentile(kept.firstMs, 0.99).toFixed(0)} ms`,
      ...{ value: percentile(kept.firstMs, 0.99), goal: 100, unit: "ms" },
    },
    {
      measure: `rollback without a kept replica, the same time: p50 of ${COLD_ROLLBACKS}`,
      baseline: `p50 with a kept replica: ${median(kept.firstMs).toFixed(0)} ms`,
      ours: `${median(cold.firstMs).toFixed(0)} ms`,
      ...{ value: median(cold.firstMs), goal: 1_000, unit: "ms" },
    },
    {
      measure: "calls that failed during these rollbacks",
      baseline: "",
      ours: `${failed} of ${kept.calls + cold.calls}`,
      ...{ value: failed, goal: 0, unit: "calls" },
    },
  ];
}

interface Measured {
  /** Times until the last of the gateways answered by the previous revision. */
  readonly firstMs: readonly number[];
  /** Times until the last answer by the replaced revision was complete. */
  readonly lastMs: readonly number[];
  readonly calls: number;
  readonly failed: number;
}

async function measure(count: number, keepWarm: string): Promise<Measured> {
  const isKept = keepWarm !== "0s";
  await using server = await SplitServer.start(GATEWAYS, 2, keepWarm);
  await server.settled(isKept);
  using load = new Load(server.url);
  await load.untilAllAnswer(new Set(server.revisions), GATEWAYS);
  const firstMs: number[] = [];
  const lastMs: number[] = [];
  for (let n = 0; n < count; n++) {
    load.observe();
    const began = performance.now();
    const revision = await server.rollBack();
    await load.untilAllAnswer(new Set([revision]), GATEWAYS);
    await server.settled(isKept);
    firstMs.push(Math.max(...(load.first.get(revision)?.values() ?? [])) - began);
    const others = [...load.last].flatMap(([id, at]) => (id === revision ? [] : [at - began]));
    lastMs.push(Math.max(0, ...others));
  }
  await load.end();
  for (const error of load.failures.slice(0, 5)) process.stderr.write(`${error}\n`);
  return { firstMs, lastMs, calls: load.calls, failed: load.failures.length };
}

/** Clients that call an endpoint all the time. */
class Load implements Disposable {
  calls = 0;
  readonly failures: string[] = [];
  /** Times of the first answer by each revision, and by gateway, since `observe`. */
  readonly first = new Map<string, Map<string, number>>();
  /** Times of the last answer by each revision. */
  readonly last = new Map<string, number>();
  readonly #caller: Caller;
  readonly #clients: readonly Promise<void>[];
  #isEnded = false;

  constructor(url: string) {
    this.#caller = new Caller(url, CONNECTIONS);
    this.#clients = Array.from({ length: CONNECTIONS }, () => this.#run());
  }

  /** Forgets what was answered so far. */
  observe(): void {
    this.first.clear();
    this.last.clear();
  }

  /** Waits until all gateways have answered by one of the revisions. */
  async untilAllAnswer(revisions: ReadonlySet<string>, gateways: number): Promise<void> {
    const answered = () => new Set([...revisions].flatMap((id) => [...(this.first.get(id)?.keys() ?? [])]));
    await eventually("all gateways answer by the revision", () => answered().size === gateways, { intervalMs: 5 });
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    await Promise.all(this.#clients);
  }

  async #run(): Promise<void> {
    while (!this.#isEnded) {
      this.calls++;
      await this.#call().catch((error) => this.failures.push(String(error)));
      await delay(PAUSE_MS);
    }
  }

  async #call(): Promise<void> {
    const { revision, gateway } = await this.#caller.call();
    const now = performance.now();
    const byGateway = this.first.get(revision) ?? new Map<string, number>();
    this.first.set(revision, byGateway);
    if (!byGateway.has(gateway)) byGateway.set(gateway, now);
    this.last.set(revision, now);
  }

  [Symbol.dispose](): void {
    this.#isEnded = true;
    this.#caller[Symbol.dispose]();
  }
}
