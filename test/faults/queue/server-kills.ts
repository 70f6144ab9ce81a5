import { setTimeout as delay } from "node:timers/promises";
import { eventually, seeded } from "@faas/testing";
import type { FaultOptions, FaultRow } from "../part.ts";
import { Served } from "../served.ts";

const CLIENTS = 8;
/** Longest time from the start of a server to its kill. */
const MAX_LIFE_MS = 400;
const END_MS = 60_000;

/** Kills the whole server at random moments while clients send asynchronous calls with idempotency keys, which they repeat until they are accepted. */
export async function killServers(kills: number, { seed, print }: FaultOptions): Promise<FaultRow> {
  const random = seeded(seed);
  await using served = await Served.start("embedded", { args: ["--pool-size", "0", "--log-level", "warn"] });
  const artifact = await served.artifact("export const handler = () => 1;\n");
  await served.deploy("jobs", artifact, { replicas: 1 });
  const calls = new Calls(served);
  for (let kill = 0; kill < kills; kill++) {
    const clients = Array.from({ length: CLIENTS }, () => calls.sendUntilCut());
    await delay(random() * MAX_LIFE_MS);
    await served.killServer();
    await Promise.all(clients);
    await served.up();
  }
  await calls.sendOpen();
  await calls.untilEnded();
  for (const line of calls.lost.slice(0, 20)) print(line);
  return {
    ...{ what: "kill -9 of the server while it accepts and delivers asynchronous calls", faults: kills },
    ...{ tried: calls.ids.size, of: "asynchronous calls", lost: calls.lost.length },
    seen: `${calls.repeated} sent again with their key`,
  };
}

/** Calls of all clients. */
class Calls {
  readonly #served: Served;
  /** Id by idempotency key, of accepted calls. */
  readonly ids = new Map<string, string>();
  readonly lost: string[] = [];
  /** Keys of calls without a response. */
  #open: string[] = [];
  #count = 0;
  repeated = 0;

  constructor(served: Served) {
    this.#served = served;
  }

  /** Sends calls one after another until the server is gone: first those whose response is missing. Some accepted ones are sent again. */
  async sendUntilCut(): Promise<void> {
    for (;;) {
      const count = ++this.#count;
      const key = this.#open.shift() ?? (count % 10 === 0 ? `key ${count - 9}` : `key ${count}`);
      if (await this.#send(key)) continue;
      this.#open.push(key);
      return;
    }
  }

  async sendOpen(): Promise<void> {
    for (const key of this.#open) if (!(await this.#send(key))) this.lost.push(`${key}: not accepted by a live server`);
    this.#open = [];
  }

  /** Waits until all calls have ended; each key must have one. */
  async untilEnded(): Promise<void> {
    const path = `/-/orgs/${this.#served.org}/calls`;
    type Totals = Record<"waiting" | "running" | "completed" | "failed", number>;
    const totals = await eventually(
      "all calls have ended",
      async () => {
        const { totals } = (await this.#served.send("GET", `${path}?limit=1`)).body as { totals: Totals };
        return totals.waiting + totals.running === 0 && totals;
      },
      { timeoutMs: END_MS, intervalMs: 100 },
    );
    for (const [key, id] of this.ids) {
      const { state } = (await this.#served.send("GET", `${path}/${id}`)).body as { state?: string };
      if (state !== "completed") this.lost.push(`${key}: the call ${id} is ${state}, expected completed`);
    }
    const all = totals.completed + totals.failed;
    if (all !== this.ids.size) this.lost.push(`${all} calls for ${this.ids.size} keys`);
  }

  /** Returns false if the server did not respond. */
  async #send(key: string): Promise<boolean> {
    const { url, org } = this.#served;
    const headers = { Prefer: "respond-async", "Idempotency-Key": key };
    const response = await fetch(`${url}/${org}/jobs`, { method: "POST", headers }).catch(() => undefined);
    const text = await response?.text().catch(() => undefined);
    if (text === undefined) return false;
    const { id, duplicate } = JSON.parse(text) as { id?: string; duplicate?: boolean };
    if (duplicate) this.repeated++;
    const known = this.ids.get(key);
    if (response?.status !== 202 || id === undefined) this.lost.push(`${key}: ${response?.status} ${text}`);
    else if (known !== undefined && known !== id) this.lost.push(`${key}: two calls, ${known} and ${id}`);
    else this.ids.set(key, id);
    return true;
  }
}
