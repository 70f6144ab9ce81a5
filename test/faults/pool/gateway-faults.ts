import { setTimeout as delay } from "node:timers/promises";
import { eventually, seeded } from "@faas/testing";
import type { V1Pod } from "@kubernetes/client-node";
import { InstalledServer, type Role } from "../availability/installed-server.ts";
import { Executions } from "../executions.ts";
import type { FaultOptions, FaultRow } from "../part.ts";
import { Calls, isAnswered, lostCalls, type Outcome } from "./calls.ts";
import { NAMED_FUNCTION } from "./named-function.ts";
import type { PoolFault } from "./pool-fault.ts";
import { counterOf, lastingDifferences, untilCold, untilWaiting } from "./warm-organization.ts";

const NAMES = ["a", "b", "c", "d"];
const TIMES = { LOAD_MS: "150", TAKES_MS: "100" };
/** Latest moment of the kill, after the calls. */
const LATEST_MS = 700;
const ROUNDS = 10;
const GATEWAY_PORT = 8887;

/** A process of an installation ends between claim and adoption. Calls through the other processes continue. */
export const gatewayFaults: readonly PoolFault[] = [
  { name: "gateway-killed", run: async (options) => [await kill("faas-gateway", options)] },
  { name: "server-behind-gateways-killed", run: async (options) => [await kill("faas-server", options)] },
];

const WHAT: Readonly<Record<Role, string>> = {
  "faas-gateway": "one of two gateways killed with `kill -9` while a warm pod is claimed for its calls",
  "faas-server": "control server behind two gateways killed with `kill -9` between claim and hand-over",
};

async function kill(role: Role, { long, seed, print }: FaultOptions): Promise<FaultRow> {
  const random = seeded(seed);
  await using executions = await Executions.start();
  await using server = await InstalledServer.install({ gateways: "2" });
  await using calls = new Calls();
  const artifact = await server.warmArtifact(NAMED_FUNCTION);
  for (const name of NAMES)
    await server.deploy(name, artifact, {
      ...{ runtime: "node", idleTimeout: "3s" },
      env: { ...TIMES, NAME: name, COUNTER: counterOf(executions) },
    });
  const rounds = long ? ROUNDS : 2;
  const lost: string[] = [];
  let inFlight = 0;
  for (let round = 0; round < rounds; round++) {
    const endpoint = NAMES[round % NAMES.length] as string;
    await untilCold(server, endpoint);
    await untilWaiting(server);
    const gateways = await twoGateways(server);
    const target = { org: server.org, endpoint, headers: server.headers };
    const send = ({ status }: V1Pod, method: "GET" | "POST") =>
      calls.send({ ...target, url: `http://${status?.podIP}:${GATEWAY_PORT}` }, method);
    const sent = gateways.map((gateway) => Promise.all([send(gateway, "POST"), send(gateway, "GET")]));
    await delay(random() ** 2 * LATEST_MS);
    const [victim] = role === "faas-gateway" ? gateways : await server.pods(role);
    await server.kill(victim as V1Pod);
    // Its container would wait for the kubelet's backoff, which is another fault.
    await server.kubectl("delete", "pod", victim?.metadata?.name as string, "--grace-period=0", "--force");
    const [first = [], second = []] = await Promise.all(sent);
    const survivor = gateways[1] as V1Pod;
    const later = [await send(survivor, "POST"), await send(survivor, "GET")];
    const hadNoResponse = ({ status }: Outcome) => role === "faas-gateway" && status === undefined;
    inFlight += first.filter((outcome) => !isAnswered(outcome)).length;
    await server.untilRolledOut(role);
    await server.untilCalm();
    const found = [
      ...lostCalls(first, executions, hadNoResponse),
      ...lostCalls([...second, ...later], executions, () => false),
      ...(await lastingDifferences(server, NAMES)),
    ];
    for (const line of found) print(`${role} killed, round ${round}: ${line}`);
    lost.push(...found);
    if ((round + 1) % 5 === 0) print(`${role} killed: ${round + 1} rounds, ${lost.length} lost`);
  }
  return {
    what: WHAT[role],
    faults: rounds,
    tried: calls.outcomes.length,
    of: "calls",
    lost: lost.length,
    ...(role === "faas-gateway" ? { seen: `${inFlight} calls in flight in the killed gateway failed` } : {}),
  };
}

/** Waits until both gateways are ready. */
function twoGateways(server: InstalledServer): Promise<readonly V1Pod[]> {
  const isReady = ({ status }: V1Pod) =>
    status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;
  return eventually(
    "two gateways are ready",
    async () => {
      const ready = (await server.pods("faas-gateway")).filter(isReady);
      return ready.length === 2 && ready;
    },
    { timeoutMs: 120_000, intervalMs: 200 },
  );
}
