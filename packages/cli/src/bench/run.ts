import type { Call, Load, Measured, NamedRun, ReplicaSample } from "@faas/bench";
import { endpointKey, parseDuration } from "@faas/core";
import type { Client } from "../client/client.ts";
import { caFor } from "../client/trust.ts";
import type { BenchOptions } from "../commands/bench.ts";
import { methodOf, readBody } from "../options/request-options.ts";
import { parseTarget, pathOf } from "../options/target.ts";
import type { Io } from "../terminal/io.ts";

export interface BenchTarget {
  readonly name: string;
  readonly call: Call;
  /** Replicas that are ready now; absent for what is no endpoint of ours. */
  readonly replicas?: () => Promise<number>;
}

/** An endpoint of the server. A mistyped name is an error at once, not a row of 404s. */
export async function endpointTarget(
  client: Client,
  text: string,
  options: BenchOptions,
  io: Io,
): Promise<BenchTarget> {
  const target = parseTarget(text);
  await client.endpoint(target);
  return {
    name: endpointKey(target),
    call: await call(client.url + pathOf(target), options, io, client),
    replicas: async () => (await client.endpoint(target)).replicas.filter(({ ready }) => ready).length,
  };
}

export async function urlTarget(url: string, options: BenchOptions, io: Io): Promise<BenchTarget> {
  return { name: url, call: await call(url, options, io) };
}

async function call(url: string, options: BenchOptions, io: Io, client?: Client): Promise<Call> {
  const { data, header = {} } = options;
  const { body, type } = data === undefined ? {} : await readBody(data, io);
  const given = Object.fromEntries(Object.entries(header).map(([name, values]) => [name, values.join(", ")]));
  const ca = client ? client.ca : await caFor(new URL(url).origin, options, io);
  return {
    url,
    ...(ca === undefined ? {} : { ca }),
    method: methodOf(options),
    headers: { ...client?.keyHeaders(given), ...(type === undefined ? {} : { "content-type": type }), ...given },
    ...(body === undefined ? {} : { body }),
  };
}

/** Two targets are called in turn, in this many parts. */
const ROUNDS = 5;

/** Runs the load that the options say against each target. */
export async function runAll(targets: readonly BenchTarget[], options: BenchOptions, io: Io): Promise<NamedRun[]> {
  const { interleave } = await import("@faas/bench");
  const load = loadOf(options);
  for (const target of targets) await warmUp(target, options, io);
  const rounds = targets.length === 1 ? 1 : Math.min(ROUNDS, load.kind === "closed" ? load.iterations : ROUNDS);
  const progress = new LiveLine(io);
  const samples: ReplicaSample[][] = targets.map(() => []);
  const runs = targets.map((target, i) => async () => {
    await using _ = sampling(target, samples[i] as ReplicaSample[], progress);
    // Awaited here: sampling ends with this block.
    return await run(target.call, part(load, rounds), io, (requests) => progress.show(requests));
  });
  const done = await interleave(runs, rounds, io.signal);
  progress.end();
  return targets.map(({ name, call: { url, method = "GET" } }, i) => ({
    name,
    url,
    method,
    load,
    run: done[i] as NamedRun["run"],
    // Their clock runs on while the other target is called; then it says nothing.
    replicas: targets.length === 1 ? (samples[i] ?? []) : [],
  }));
}

function loadOf({ rate, duration, arrivals, threads, iterations }: BenchOptions): Load {
  if (rate === undefined) return { kind: "closed", threads, iterations };
  return { kind: "open", rate, durationMs: parseDuration(duration) as number, arrivals };
}

const part = (load: Load, rounds: number): Load =>
  load.kind === "closed"
    ? { ...load, iterations: Math.ceil(load.iterations / rounds) }
    : { ...load, durationMs: load.durationMs / rounds };

/** One run of a load. */
export async function run(call: Call, load: Load, io: Io, onProgress?: (requests: readonly Measured[]) => void) {
  const { runClosedLoop, runOpenLoop } = await import("@faas/bench");
  const options = { ...call, signal: io.signal, onProgress };
  if (load.kind === "closed") return runClosedLoop({ ...options, ...load });
  return runOpenLoop({ ...options, ...load, arrivals: load.arrivals as BenchOptions["arrivals"] });
}

async function warmUp({ call }: BenchTarget, { warmup, threads }: BenchOptions, io: Io): Promise<void> {
  if (warmup === 0) return;
  const clients = Math.min(warmup, threads);
  await run(call, { kind: "closed", threads: clients, iterations: Math.ceil(warmup / clients) }, io);
}

const SAMPLE_MS = 250;

/** Asks again and again how many replicas are ready, until it is disposed of. */
export function sampling(target: BenchTarget, samples: ReplicaSample[], progress?: LiveLine): AsyncDisposable {
  const { replicas } = target;
  if (!replicas) return { [Symbol.asyncDispose]: async () => {} };
  const began = performance.now();
  let asking: Promise<void> | undefined;
  const ask = async () => {
    // What cannot be asked for a moment is a gap in a picture, no reason to end a measurement.
    const ready = await replicas().catch(() => undefined);
    asking = undefined;
    if (ready === undefined) return;
    samples.push({ atMs: performance.now() - began, ready });
    if (progress) progress.replicas = ready;
  };
  const tick = () => {
    asking ??= ask();
  };
  tick();
  const timer = setInterval(tick, SAMPLE_MS);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await asking;
    },
  };
}

const SHOW_MS = 500;

/** What happens now, in one line of a terminal; gone at the end. */
export class LiveLine {
  replicas: number | undefined;
  readonly #io: Io;
  #shownAt = performance.now();
  #shown = 0;
  #width = 0;

  constructor(io: Io) {
    this.#io = io;
  }

  show(requests: readonly Measured[]): void {
    const now = performance.now();
    if (!this.#io.stderr.isTTY || now - this.#shownAt < SHOW_MS) return;
    if (requests.length < this.#shown) this.#shown = 0;
    const recent = requests.slice(this.#shown);
    const latencies = recent.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
    const at = (share: number) => (latencies[Math.floor((latencies.length - 1) * share)] ?? 0).toPrecision(3);
    const failed = requests.reduce((sum, { status }) => sum + (status === 0 || status >= 400 ? 1 : 0), 0);
    const rate = (recent.length / ((now - this.#shownAt) / 1000)).toFixed(0);
    const replicas = this.replicas === undefined ? "" : `, ${this.replicas} replica${this.replicas === 1 ? "" : "s"}`;
    const line = `${requests.length} requests, ${rate}/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${failed} errors${replicas}`;
    this.#write(line);
    this.#shownAt = now;
    this.#shown = requests.length;
  }

  end(): void {
    if (this.#width > 0) this.#io.stderr.write(`\r${" ".repeat(this.#width)}\r`);
    this.#width = 0;
  }

  #write(line: string): void {
    const fitting = line.slice(0, (this.#io.stdout.columns ?? 80) - 1);
    this.#io.stderr.write(`\r${fitting.padEnd(this.#width)}`);
    this.#width = fitting.length;
  }
}
