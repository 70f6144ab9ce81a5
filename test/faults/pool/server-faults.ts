import { setTimeout as delay } from "node:timers/promises";
import { eventually, seeded } from "@faas/testing";
import type { FaultOptions, FaultRow } from "../part.ts";
import { killProcesses } from "../pod-processes.ts";
import { isAnswered, lostCalls, type Outcome } from "./calls.ts";
import { type PoolFault, Tally } from "./pool-fault.ts";
import {
  lastingDifferences,
  type Pod,
  untilCold,
  untilWaiting,
  WarmOrganization,
  waitingPods,
} from "./warm-organization.ts";

const NAMES = ["a", "b", "c", "d"];
const TIMES = { LOAD_MS: "150", TAKES_MS: "100" };
/** Latest moment of the kill, after the call. */
const LATEST_MS = 700;
const ROUNDS = 30;
const RESTARTS = 8;

/** The control server ends between claim and adoption, with the calls that it was forwarding; its successor puts everything in order. */
export const serverFaults: readonly PoolFault[] = [
  { name: "server-killed", run: async (options) => [await killServer(options)] },
  { name: "server-and-replica-killed", run: async (options) => [await killBoth(options)] },
];

async function killServer({ long, seed, print }: FaultOptions): Promise<FaultRow> {
  const random = seeded(seed);
  await using organization = await WarmOrganization.start();
  for (const name of NAMES) await organization.deploy(name, { idleTimeout: "3s", env: TIMES });
  const { served } = organization;
  const rounds = long ? ROUNDS : 3;
  const moments = new Tally();
  const lost: string[] = [];
  let inFlight = 0;
  for (let round = 0; round < rounds; round++) {
    const name = NAMES[round % NAMES.length] as string;
    await untilCold(served, name);
    await untilWaiting(served);
    const before = new Set((await waitingPods(served)).map(({ metadata }) => metadata?.name));
    const calls = [organization.call(name, "POST"), organization.call(name)];
    await delay(random() ** 2 * LATEST_MS);
    const claimed = (await served.view(name)).replicas[0];
    await served.killServer();
    const killed = await Promise.all(calls);
    const isLeft = (await waitingPods(served)).some(
      ({ metadata }) => metadata?.name === claimed?.id && before.has(metadata?.name),
    );
    moments.add(claimed === undefined ? "before the claim" : isLeft ? "before the hand-over" : "after the hand-over");
    await served.up();
    const outcomes = [await organization.call(name, "POST"), await organization.call(name)];
    inFlight += killed.filter((outcome) => !isAnswered(outcome)).length;
    const found = [
      ...lostCalls(killed, organization.executions, hadNoResponse),
      ...lostCalls(outcomes, organization.executions, () => false),
      ...(await lastingDifferences(served, organization.endpoints)),
    ];
    for (const line of found) print(`server-killed, round ${round}: ${line}`);
    if (found.length > 0) print(`the server's log: ${await organization.keepLog()}`);
    lost.push(...found);
    if ((round + 1) % 10 === 0) print(`server-killed: ${round + 1} rounds, ${lost.length} lost`);
  }
  return {
    what: "control server killed with `kill -9` between the claim of a warm pod and its hand-over",
    faults: rounds,
    tried: organization.calls.outcomes.length,
    of: "calls",
    lost: lost.length,
    seen: `${moments.text()}; ${inFlight} calls in flight in the killed process failed`,
  };
}

/** The killed process had the connection. */
const hadNoResponse = ({ status }: Outcome) => status === undefined;

/** A replica that was a warm pod ends while there is no control server: its restarted container waits for a function, and belongs to the endpoint. */
async function killBoth({ long, print }: FaultOptions): Promise<FaultRow> {
  await using organization = await WarmOrganization.start();
  const { served, executions, endpoints } = organization;
  for (const name of NAMES) await organization.deploy(name, { idleTimeout: "3s" });
  const rounds = long ? RESTARTS : 2;
  const lost: string[] = [];
  let slowestMs = 0;
  for (let round = 0; round < rounds; round++) {
    const name = NAMES[round % NAMES.length] as string;
    await untilCold(served, name);
    await untilWaiting(served);
    const outcomes = [await organization.call(name)];
    const pod = await handedOver(organization, name);
    await served.killServer();
    await killProcesses(pod);
    await eventually("its container was restarted", async () => {
      const [status] = (await podOf(organization, nameOf(pod)))?.status?.containerStatuses ?? [];
      return (status?.restartCount ?? 0) > 0 && status?.state?.running !== undefined;
    });
    await served.up();
    outcomes.push(await organization.call(name, "POST"), await organization.call(name));
    slowestMs = Math.max(slowestMs, ...outcomes.map(({ sentMs, endedMs }) => endedMs - sentMs));
    const found = [...lostCalls(outcomes, executions, () => false), ...(await lastingDifferences(served, endpoints))];
    for (const line of found) print(`server-and-replica-killed, round ${round}: ${line}`);
    lost.push(...found);
  }
  return {
    what: "control server killed with `kill -9`, then the process of a replica that was a warm pod",
    faults: rounds,
    tried: organization.calls.outcomes.length,
    of: "calls",
    lost: lost.length,
    seen: `slowest call ${(slowestMs / 1000).toFixed(1)} s`,
  };
}

const nameOf = ({ metadata }: Pod) => metadata?.name ?? "";

const podOf = ({ served }: WarmOrganization, name: string) => served.api.get<Pod>("Pod", `faas-${served.org}`, name);

/** Waits until the endpoint's replica belongs to its ReplicaSet, and returns its pod. */
function handedOver(organization: WarmOrganization, name: string): Promise<Pod> {
  return eventually(`the replica of ${name} was handed over`, async () => {
    const [replica] = (await organization.served.view(name)).replicas;
    const pod = replica && (await podOf(organization, replica.id));
    return pod?.metadata?.labels?.["faas/endpoint"] === name && pod;
  });
}
