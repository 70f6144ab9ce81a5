import { setTimeout as delay } from "node:timers/promises";
import type { Artifact } from "@faas/core";
import { Executions } from "../executions.ts";
import type { FaultOptions, FaultRow } from "../part.ts";
import { addressFor } from "../served.ts";
import { ECHO_FUNCTION } from "./echo-function.ts";
import type { Fault, FaultContext } from "./fault.ts";
import type { InstalledServer } from "./installed-server.ts";
import { EchoSocket, EventStream } from "./long-lived.ts";
import { type ColdCall, kindsOf, lostCalls, rowOf } from "./outcome.ts";
import { SteadyLoad } from "./steady-load.ts";

const CALLS_PER_SECOND = 50;
/** Time under load without a fault, before and after it. */
const CALM_MS = 3_000;
const COLD_TIMEOUT_MS = 60_000;
/** Time after a kill within which this process may still have sent a request that was in flight. */
const KILL_ACCURACY_MS = 50;

/** Needs of a fault besides the installation. */
type Extra<C extends FaultContext> = Omit<C, keyof FaultContext>;

/** An installation with endpoints, which is exposed to one fault after another. */
export class Exposure implements AsyncDisposable {
  readonly server: InstalledServer;
  readonly #options: FaultOptions;
  readonly #executions: Executions;
  readonly #artifact: Artifact;
  readonly #cold: readonly string[];
  #coldCalls = 0;
  #deployments = 0;

  private constructor(server: InstalledServer, options: FaultOptions, executions: Executions, artifact: Artifact) {
    this.server = server;
    this.#options = options;
    this.#executions = executions;
    this.#artifact = artifact;
    this.#cold = Array.from({ length: options.long ? 11 : 2 }, (_, n) => `cold-${n}`);
  }

  /** Deploys an endpoint for calls, one for streams, and some that are idle. */
  static async prepare(server: InstalledServer, options: FaultOptions): Promise<Exposure> {
    const executions = await Executions.start();
    try {
      const exposure = new Exposure(server, options, executions, await server.artifact(ECHO_FUNCTION));
      await exposure.deploy();
      for (const name of exposure.#cold)
        await server.deploy(name, exposure.#artifact, { replicas: 1, idleTimeout: "1s" });
      return exposure;
    } catch (error) {
      await executions[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Deploys the endpoints that are not idle, with new replicas. */
  async deploy(): Promise<void> {
    await this.server.untilCalm();
    const counter = `http://${addressFor("kubernetes")}:${this.#executions.port}`;
    const env = { COUNTER: counter, DEPLOYMENT: String(++this.#deployments) };
    const settings = { scaler: "fixed", idleTimeout: "never", env } as const;
    await this.server.deploy("steady", this.#artifact, { ...settings, replicas: 2 });
    await this.server.deploy("streams", this.#artifact, { ...settings, replicas: 1 });
  }

  /** Causes a fault under load, and returns what was lost. */
  async to<C extends FaultContext>(fault: Fault<C>, extra: Extra<C>): Promise<FaultRow> {
    const { server } = this;
    const coldCalls: ColdCall[] = [];
    const broken: string[] = [];
    let [beganMs, endedMs, excusedUntilMs] = [0, 0, 0];
    const context = {
      ...extra,
      server,
      long: this.#options.long,
      callCold: async () => void coldCalls.push(await this.#callCold(target)),
      lost: (noticedMs = KILL_ACCURACY_MS) => {
        excusedUntilMs = performance.now() + noticedMs;
      },
    } as FaultContext as C;
    await this.#untilReady();
    const target = `${(await fault.address?.(context)) ?? server.url}/${server.org}`;
    await using events = new EventStream(`${target}/streams/events`, server.headers);
    await using socket = new EchoSocket(`${target}/streams`, server.headers);
    const load = new SteadyLoad(`${target}/steady`, { perSecond: CALLS_PER_SECOND, headers: server.headers });
    try {
      await delay(CALM_MS);
      for (const client of [events, socket]) client.reset();
      beganMs = performance.now();
      await fault.cause(context);
      endedMs = performance.now();
      await server.untilCalm();
      await delay(CALM_MS);
    } catch (error) {
      endedMs ||= performance.now();
      broken.push(`${fault.title}: ${(error as Error).message}`);
    } finally {
      await load.stop();
    }
    const repeated = this.#executions.repeated((id) => load.isOwn(id));
    this.#executions.counts.clear();
    const measured = { load, events, socket, coldCalls, beganMs, endedMs, excusedUntilMs, repeated, broken };
    const lines = [...kindsOf(lostCalls(measured), beganMs), ...coldCalls.flatMap(({ failure }) => failure ?? [])];
    for (const line of [...lines, ...broken, ...repeated.map((id) => `${id} was executed twice`)])
      this.#options.print(line);
    return rowOf(fault, measured);
  }

  async #untilReady(): Promise<void> {
    await this.server.untilCalm();
    await this.server.untilReady("steady", 2);
    await this.server.untilReady("streams", 1);
    for (const name of this.#cold) await this.server.untilIdle(name);
  }

  /** Calls the next idle endpoint. */
  async #callCold(target: string): Promise<ColdCall> {
    const name = this.#cold[this.#coldCalls++ % this.#cold.length];
    const beganMs = performance.now();
    const headers = { ...this.server.headers, "x-call": "cold", connection: "close" };
    const signal = AbortSignal.timeout(COLD_TIMEOUT_MS);
    const failure = await fetch(`${target}/${name}`, { headers, signal }).then(
      async (response) => {
        const text = await response.text();
        return response.ok && text === "cold" ? undefined : `${name}: ${response.status} ${text}`;
      },
      (error: Error) => `${name}: ${error.cause ?? error}`,
    );
    return { ms: performance.now() - beganMs, ...(failure === undefined ? {} : { failure }) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#executions[Symbol.asyncDispose]();
  }
}
