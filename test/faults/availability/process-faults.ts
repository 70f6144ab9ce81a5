import { setTimeout as delay } from "node:timers/promises";
import { derivedImage } from "./derived-image.ts";
import type { Fault, FaultContext } from "./fault.ts";
import type { Role } from "./installed-server.ts";
import { NetworkCut } from "./network-cut.ts";

/** Interval of the calls to idle endpoints during a long fault. */
const COLD_INTERVAL_MS = 60_000;

const MINUTE_MS = 60_000;
/** Time until a gateway sends no more requests to an unreachable replica (docs/scaling.md). */
export const REPLICA_NOTICED_MS = 1_000;
/** Duration of an outage that is a few seconds long in the short form. */
const outage = ({ long }: FaultContext, longMs: number) => (long ? longMs : 8_000);

/** Waits, and calls an idle endpoint at the beginning and once per minute. */
export async function passTime(context: FaultContext, durationMs: number): Promise<void> {
  const endMs = performance.now() + durationMs;
  await delay(Math.min(2_000, durationMs));
  for (;;) {
    await context.callCold();
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) return;
    await delay(Math.min(leftMs, COLD_INTERVAL_MS));
    if (leftMs <= COLD_INTERVAL_MS) return;
  }
}

async function killOne({ server, lost }: FaultContext, role: Role): Promise<void> {
  const [pod] = await server.pods(role);
  if (pod === undefined) throw new Error(`there is no pod of ${role}`);
  await server.kill(pod);
  lost();
  await delay(2_000);
  await server.untilRolledOut(role);
}

const addressesOf = async ({ server }: FaultContext, role: Role) =>
  (await server.pods(role)).flatMap(({ status }) => status?.podIP ?? []);

/** Faults of single processes, and of the network between them. */
export const processFaults: readonly Fault[] = [
  {
    name: "server-killed",
    title: "control server killed with kill -9",
    cause: (context) => killOne(context, "faas-server"),
  },
  {
    name: "server-rolled",
    title: "control server rolled",
    cause: ({ server }) => server.roll("faas-server"),
  },
  {
    name: "server-upgraded",
    title: "`faas upgrade` to another image",
    endsStreams: true,
    cause: async ({ server }) => server.upgrade(await derivedImage(await server.image())),
  },
  {
    name: "server-away",
    title: "control server away",
    async cause(context) {
      await context.server.scale("faas-server", 0);
      await passTime(context, outage(context, 10 * MINUTE_MS));
      await context.server.scale("faas-server", 1);
    },
  },
  {
    name: "gateway-killed",
    title: "gateway killed with kill -9",
    needsGateways: true,
    endsStreams: true,
    cause: (context) => killOne(context, "faas-gateway"),
  },
  {
    name: "gateway-rolled",
    title: "gateways rolled",
    needsGateways: true,
    endsStreams: true,
    cause: ({ server }) => server.roll("faas-gateway"),
  },
  {
    name: "api-away",
    title: "API server unreachable",
    async cause(context) {
      const roles: readonly Role[] = ["faas-server", "faas-gateway"];
      const addresses = await Promise.all(roles.map((role) => addressesOf(context, role)));
      await using _cut = await NetworkCut.fromApiServer(addresses.flat());
      await delay(outage(context, MINUTE_MS));
    },
  },
  {
    name: "link-cut",
    title: "network between gateways and control server cut",
    needsGateways: true,
    async cause(context) {
      const servers = await addressesOf(context, "faas-server");
      const gateways = await addressesOf(context, "faas-gateway");
      await using _cut = await NetworkCut.between(servers, gateways);
      await passTime(context, outage(context, MINUTE_MS / 2));
    },
  },
  {
    name: "replica-cut",
    title: "network between gateways and one of two replicas cut",
    async cause(context) {
      const [replica = ""] = await context.server.addressesOf("steady");
      const servers = await addressesOf(context, "faas-server");
      const gateways = await addressesOf(context, "faas-gateway");
      await using _cut = await NetworkCut.between([replica], [...servers, ...gateways]);
      context.lost(REPLICA_NOTICED_MS);
      await delay(outage(context, MINUTE_MS / 2));
    },
  },
];
