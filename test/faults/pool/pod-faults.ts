import { networkInterfaces } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { seeded } from "@faas/testing";
import { NetworkCut } from "../availability/network-cut.ts";
import type { FaultOptions, FaultRow } from "../part.ts";
import { killProcesses } from "../pod-processes.ts";
import { isAnswered, lostCalls, type Outcome } from "./calls.ts";
import { type PoolFault, Tally } from "./pool-fault.ts";
import { lastingDifferences, type Pod, untilCold, untilWaiting, WarmOrganization } from "./warm-organization.ts";

/** Endpoints that are called in turns: while one becomes idle, the next one is called. */
const NAMES = ["a", "b", "c", "d"];
/** The function loads and answers slowly enough for the fault to come in between. */
const TIMES = { LOAD_MS: "250", TAKES_MS: "150" };
/** Latest moment of the fault, after the call: the pod has been handed over by then. */
const LATEST_MS = 1_000;

interface PodFault {
  readonly name: string;
  readonly what: string;
  readonly rounds: number;
  /** Causes the fault; the returned object ends it. */
  cause(pod: Pod, organization: WarmOrganization): Promise<AsyncDisposable | undefined>;
}

const faults: readonly PodFault[] = [
  {
    name: "pods-deleted",
    what: "warm pod deleted while it is claimed",
    rounds: 30,
    async cause({ metadata }, { served }) {
      await served.api.delete("Pod", metadata?.namespace, metadata?.name as string, undefined, 0);
      return undefined;
    },
  },
  {
    name: "pods-killed",
    what: "process of a warm pod killed while it is claimed",
    rounds: 30,
    async cause(pod) {
      await killProcesses(pod);
      return undefined;
    },
  },
  {
    name: "pods-unreachable",
    what: "network to a warm pod cut while it is claimed",
    rounds: 6,
    async cause({ status }) {
      const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
      const addresses = own.filter(({ family }) => family === "IPv4").map(({ address }) => address);
      return NetworkCut.between([status?.podIP as string], [...new Set(addresses)]);
    },
  },
];

/** Faults of the pod that is given a function, at random moments from the call until after its hand-over. */
export const podFaults: readonly PoolFault[] = faults.map((fault) => ({
  name: fault.name,
  run: async (options) => [await causeOften(fault, options)],
}));

async function causeOften(fault: PodFault, options: FaultOptions): Promise<FaultRow> {
  const { long, seed, print } = options;
  const random = seeded(seed);
  await using organization = await WarmOrganization.start();
  for (const name of NAMES) await organization.deploy(name, { idleTimeout: "3s", env: TIMES });
  const rounds = long ? fault.rounds : 3;
  const moments = new Tally();
  const lost: string[] = [];
  let failed = 0;
  let slowestMs = 0;
  for (let round = 0; round < rounds; round++) {
    const name = NAMES[round % NAMES.length] as string;
    const { outcomes, moment, causedMs } = await oneRound(fault, organization, name, random() ** 2 * LATEST_MS);
    moments.add(moment);
    // A POST that the pod was executing may fail; everything else is repeated or waits.
    const wasInFlight = ({ method, status, endedMs }: Outcome) =>
      method === "POST" && status === 502 && endedMs >= causedMs;
    failed += outcomes.filter((outcome) => !isAnswered(outcome)).length;
    slowestMs = Math.max(slowestMs, ...outcomes.map(({ sentMs, endedMs }) => endedMs - sentMs));
    const found = [
      ...lostCalls(outcomes, organization.executions, wasInFlight),
      ...(await lastingDifferences(organization.served, organization.endpoints)),
    ];
    for (const line of found) print(`${fault.name}, round ${round}, ${moment}: ${line}`);
    if (found.length > 0) print(`the server's log: ${await organization.keepLog()}`);
    lost.push(...found);
    if ((round + 1) % 10 === 0) print(`${fault.name}: ${round + 1} rounds, ${lost.length} lost`);
  }
  return {
    what: fault.what,
    faults: rounds,
    tried: organization.calls.outcomes.length,
    of: "calls",
    lost: lost.length,
    seen: `${moments.text()}; ${failed} POST in flight failed with 502; slowest call ${(slowestMs / 1000).toFixed(1)} s`,
  };
}

/** Calls a cold endpoint, causes the fault, and calls it again. */
async function oneRound(fault: PodFault, organization: WarmOrganization, name: string, afterMs: number) {
  const { served } = organization;
  await untilCold(served, name);
  const [waiting] = await untilWaiting(served);
  const calls = [organization.call(name, "POST"), organization.call(name)];
  let isAnsweredYet = false;
  void Promise.race(calls).then(() => {
    isAnsweredYet = true;
  });
  await delay(afterMs);
  const claimed = (await served.view(name)).replicas[0]?.id ?? waiting?.metadata?.name ?? "";
  const pod = await served.api.get<Pod>("Pod", `faas-${served.org}`, claimed);
  const isHandedOver = pod?.metadata?.labels?.["faas/warm"] === undefined;
  const moment = isHandedOver ? "after the hand-over" : isAnsweredYet ? "before the hand-over" : "before the answer";
  const causedMs = performance.now();
  // Without a pod, one that has just taken the claim was replaced in the meantime.
  const ending = pod && (await fault.cause(pod, organization));
  const outcomes = [
    ...(await Promise.all(calls)),
    await organization.call(name, "POST"),
    await organization.call(name),
  ];
  await ending?.[Symbol.asyncDispose]();
  return { outcomes, moment: pod ? moment : "not caused", causedMs };
}
