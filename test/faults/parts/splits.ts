import { setImmediate } from "node:timers/promises";
import { eventually, seeded } from "@faas/testing";
import { Executions, FUNCTION } from "../executions.ts";
import { printFailures } from "../load.ts";
import { type FaultOptions, type FaultResult, type FaultRow, resultOf } from "../part.ts";
import { addressFor, Served } from "../served.ts";
import { gatewayPids, isRunning } from "../splits/gateway-pids.ts";
import { NAME, PREVIEW, SplitEndpoint, STABLE } from "../splits/split-endpoint.ts";
import { type Answered, type ClientKind, type FailedCall, SplitLoad } from "../splits/split-load.ts";

/** True: docs/faults.md has a table for this part. */
export const hasOwnTable = true;

const GATEWAYS = 2;
/** Maximum number of calls between two changes. */
const MAX_CALLS = 60;

const CLIENTS: readonly ClientKind[] = [
  { method: "GET", at: "" },
  { method: "GET", at: "" },
  { method: "POST", at: "" },
  { method: "POST", at: "" },
  { method: "GET", at: "", user: "one" },
  { method: "POST", at: "", user: "two" },
  { method: "GET", at: "", keepsCookie: true },
  { method: "GET", at: STABLE },
  { method: "POST", at: STABLE },
  { method: "GET", at: PREVIEW },
];

const FAULTS = ["gateway", "server", "replica"] as const;
type Fault = (typeof FAULTS)[number];

/** Fault that was caused, and the time in which it explains failed calls. */
interface Caused {
  readonly fault: Fault;
  readonly beganMs: number;
  /** Time when the process had ended; of the server, when the next one was ready. */
  readonly goneMs: number;
  readonly doneMs: number;
}

/** Splits, rolls back, tags and previews revisions under load, while gateways, the control server and replicas are killed. */
export async function run(options: FaultOptions): Promise<FaultResult> {
  const rows = (options.platforms ?? ["embedded"]).includes("embedded") ? await splitsUnderFaults(options) : [];
  return resultOf(rows, options.print);
}

/** Makes changes under load, first without faults, then with one in each second change. */
export async function splitsUnderFaults({ long, seed, print }: FaultOptions): Promise<FaultRow[]> {
  await using executions = await Executions.start();
  await using served = await Served.start("embedded", { args: ["--gateways", String(GATEWAYS)] });
  const artifact = await served.artifact(FUNCTION);
  const endpoint = new SplitEndpoint(served, artifact, `http://${addressFor("embedded")}:${executions.port}`);
  await endpoint.deploy();
  await endpoint.deploy();
  await endpoint.change("PUT", "/tags/stable", { revision: endpoint.revisions[0] });
  await endpoint.deploy("preview");
  const load = new SplitLoad(`${served.url}/${served.org}/${NAME}`, CLIENTS);
  const drill = new Drill(served, endpoint, load, seeded(seed), print);
  try {
    await drill.changes(long ? 60 : 6, []);
    await drill.changes(long ? 60 : 6, FAULTS);
    await load.untilMoreCalls(MAX_CALLS);
  } finally {
    await load.stop();
  }
  return judge(endpoint, load, executions, drill, print);
}

/** Changes and faults in turns. */
class Drill {
  readonly caused: Caused[] = [];
  changesMade = 0;
  readonly #served: Served;
  readonly #endpoint: SplitEndpoint;
  readonly #load: SplitLoad;
  readonly #random: () => number;
  readonly #print: FaultOptions["print"];
  readonly #changes: readonly (() => Promise<void>)[];

  constructor(
    served: Served,
    endpoint: SplitEndpoint,
    load: SplitLoad,
    random: () => number,
    print: FaultOptions["print"],
  ) {
    this.#served = served;
    this.#endpoint = endpoint;
    this.#load = load;
    this.#random = random;
    this.#print = print;
    this.#changes = [
      () => endpoint.deploy(),
      () => this.#split(),
      () => this.#split(),
      () => endpoint.change("DELETE", "/split"),
      () => endpoint.change("POST", "/rollback", {}),
      () => endpoint.change("POST", "/rollback", { revision: this.#anyRevision() }),
      () => endpoint.change("PUT", "/tags/stable", { revision: this.#anyRevision() }),
      () => endpoint.deploy("preview"),
    ];
  }

  /** Makes changes, each kind equally often; with each second one, causes one of the faults. */
  async changes(count: number, faults: readonly Fault[]): Promise<void> {
    const order = Array.from({ length: count }, (_, n) => n % this.#changes.length).sort(() => this.#random() - 0.5);
    for (const [n, index] of order.entries()) {
      await this.#load.untilMoreCalls(1 + Math.floor(this.#random() * MAX_CALLS));
      const change = this.#changes[index] as () => Promise<void>;
      const fault = n % 2 === 0 ? faults[(n / 2) % faults.length] : undefined;
      if (fault === "server") await this.#withServerKilled(change);
      else await Promise.all([change(), fault === undefined ? undefined : this.#cause(fault)]);
      this.changesMade++;
      if (this.changesMade % 10 === 0) this.#print(`${this.changesMade} changes, ${this.#load.calls} calls`);
    }
  }

  /** Kills the server at some moment of a change, and starts it again; the change may have been made or not. */
  async #withServerKilled(change: () => Promise<void>): Promise<void> {
    const served = this.#served;
    const { port } = new URL(served.url);
    const beganMs = performance.now();
    const gateways = await gatewayPids(served.faas.data);
    const changed = change().catch(() => {});
    await this.#load.untilMoreCalls(Math.floor(this.#random() * MAX_CALLS));
    await served.killServer();
    const killedMs = performance.now();
    await changed;
    await this.#load.untilMoreCalls(MAX_CALLS);
    await served.up(["--port", port]);
    const upMs = performance.now();
    await eventually("the gateways are replaced", () => [...gateways.values()].every((pid) => !isRunning(pid)));
    await this.#endpoint.noteUnknown(beganMs);
    this.caused.push({ fault: "server", beganMs: killedMs, goneMs: upMs, doneMs: performance.now() });
  }

  async #cause(fault: "gateway" | "replica"): Promise<void> {
    await this.#load.untilMoreCalls(Math.floor(this.#random() * 20));
    const beganMs = performance.now();
    const goneMs = fault === "gateway" ? await this.#killGateway() : await this.#killReplica();
    this.caused.push({ fault, beganMs, goneMs, doneMs: performance.now() });
  }

  /** Returns the time when the process had ended. */
  async #killGateway(): Promise<number> {
    const { data } = this.#served.faas;
    const gateways = [...(await gatewayPids(data))];
    const [name, pid] = gateways[Math.floor(this.#random() * gateways.length)] as (typeof gateways)[number];
    process.kill(pid, "SIGKILL");
    await eventually("the gateway has ended", () => !isRunning(pid), { intervalMs: 1 });
    // Clients have seen the end of their connections.
    await setImmediate();
    const goneMs = performance.now();
    await eventually("the gateway runs again", async () => {
      const now = (await gatewayPids(data)).get(name);
      return now !== undefined && now !== pid;
    });
    return goneMs;
  }

  async #killReplica(): Promise<number> {
    const { replicas, otherReplicas = [] } = await this.#endpoint.view();
    const ready = [...replicas, ...otherReplicas].filter((replica) => replica.ready);
    const victim = ready[Math.floor(this.#random() * ready.length)];
    if (victim === undefined) return performance.now();
    // It may have ended meanwhile.
    await this.#served.kill(victim.id).catch(() => {});
    await eventually("the replica is gone", async () => {
      const view = await this.#endpoint.view();
      return [...view.replicas, ...(view.otherReplicas ?? [])].every(({ id, ready }) => id !== victim.id || !ready);
    });
    return performance.now();
  }

  async #split(): Promise<void> {
    const { serving } = await this.#endpoint.traffic();
    const other = this.#anyRevision();
    const share = [0, 1, 10, 50, 100][Math.floor(this.#random() * 5)] as number;
    const shares = other === serving ? { [serving]: 100 } : { [serving]: 100 - share, [other]: share };
    const sticky = [undefined, "cookie", "header:x-user"][Math.floor(this.#random() * 3)];
    await this.#endpoint.change("PUT", "/split", { shares, ...(sticky && { sticky }) });
  }

  /** Returns one of the newest revisions. */
  #anyRevision(): string {
    const newest = this.#endpoint.revisions.slice(-5);
    return newest[Math.floor(this.#random() * newest.length)] as string;
  }
}

function judge(
  endpoint: SplitEndpoint,
  load: SplitLoad,
  executions: Executions,
  { caused, changesMade }: Drill,
  print: FaultOptions["print"],
): FaultRow[] {
  const others = load.answered.filter((answer) => !isAllowed(endpoint, answer));
  const early = others.filter((answer) => isEarly(endpoint, answer));
  const wrong = others.filter((answer) => !early.includes(answer));
  for (const { id, kind, revision, sentMs, doneMs } of wrong.slice(0, 10))
    print(
      `${kind.method} ${kind.at} ${id} was answered by ${revision}, from ${sentMs.toFixed(0)} to ${doneMs.toFixed(0)} ms`,
    );
  const posts = load.answered.filter(({ kind }) => kind.method === "POST");
  const missed = posts.filter(({ id }) => executions.counts.get(id) !== 1);
  const twice = executions.repeated(() => true);
  for (const id of twice.slice(0, 5)) print(`${id} was executed ${executions.counts.get(id)} times`);
  const lost = unexplained(load.failures, caused);
  printFailures(
    lost.map((failure) => ({ ...failure, text: `${nearest(failure, caused)}: ${failure.text}` })),
    print,
  );
  const count = (fault: Fault) => caused.filter((each) => each.fault === fault).length;
  return [
    {
      what: "splits, rollbacks, tags and previews changed under load; gateways, control server and replicas killed",
      faults: caused.length,
      tried: load.calls,
      of: "calls",
      lost: lost.length + wrong.length + twice.length + missed.length,
      seen: `${changesMade} changes; ${count("gateway")} gateways, ${count("server")} servers, ${count("replica")} replicas killed; ${load.failures.length - lost.length} calls in flight failed; ${wrong.length} answered without a share, ${early.length} of a tag by the next revision; ${twice.length} executed twice`,
    },
  ];
}

const isAllowed = ({ allowed }: SplitEndpoint, { kind, revision, sentMs, doneMs }: Answered) =>
  allowed.get(kind.at)?.allows(revision, sentMs, doneMs) === true;

/** Tells whether a call of a tag was answered by the revision that was replacing the tagged one (docs/traffic-split.md, "Limits"). */
const isEarly = ({ allowed, deployed }: SplitEndpoint, { kind, revision, sentMs, doneMs }: Answered) =>
  kind.at !== "" &&
  deployed.allows(revision, sentMs, doneMs) &&
  allowed.get("")?.allows(revision, sentMs, doneMs) === true;

/** Returns the failures that no fault explains: a killed gateway ends the calls that were sent before it had ended, a killed replica one POST of each client. */
function unexplained(failures: readonly FailedCall[], caused: readonly Caused[]): FailedCall[] {
  const used = new Set<string>();
  return failures.filter(({ client, kind, status, sentMs, failedMs }) => {
    const isBetween = ({ beganMs, goneMs }: Caused) => beganMs <= failedMs && goneMs >= sentMs;
    if (status === undefined && caused.some((each) => each.fault === "gateway" && isBetween(each))) return false;
    if (kind.method !== "POST" || status !== 502) return true;
    const index = caused.findIndex(
      (each, n) => each.fault === "replica" && !used.has(`${client} ${n}`) && isBetween(each),
    );
    if (index >= 0) used.add(`${client} ${index}`);
    return index < 0;
  });
}

/** Describes the last fault before a call failed. */
function nearest({ sentMs, failedMs }: FailedCall, caused: readonly Caused[]): string {
  const last = caused.findLast(({ beganMs }) => beganMs <= failedMs);
  if (last === undefined) return "before the first fault";
  const ms = (at: number) => (at - last.beganMs).toFixed(0);
  return `${last.fault} killed at 0, ended or replaced at ${ms(last.goneMs)}, all done at ${ms(last.doneMs)}, call from ${ms(sentMs)} to ${ms(failedMs)} ms`;
}
