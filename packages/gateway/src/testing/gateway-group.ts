import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  type EndpointSpec,
  endpointSpec,
  type Limits,
  limitNumbers,
  type SettingsInput,
  withDefaults,
} from "@faas/core";
import { eventually, type ReplicaBehaviour, TestPlatform, tempDir } from "@faas/testing";
import { EndpointRegistry } from "../endpoints/registry.ts";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import { createHttpServer } from "../http/server.ts";
import { PeerGroup } from "../peers/peer-group.ts";
import { listenForPeers, socketTransport } from "../peers/peer-sockets.ts";
import { createGateway } from "../pipeline/pipeline.ts";
import { SYSTEM_CLOCK } from "../protocol/link.ts";

/** A gateway of a group, on a free port. */
export interface GroupGateway {
  readonly name: string;
  readonly port: number;
  readonly registry: EndpointRegistry;
  readonly group: PeerGroup;
  /** The served acme/x. */
  readonly endpoint: ServedEndpoint;
}

/** Gateways on one platform that share slots and rates over Unix sockets, for tests with real HTTP. */
export interface GatewayGroup extends AsyncDisposable {
  readonly gateways: readonly GroupGateway[];
  readonly platform: TestPlatform;
}

/** Starts gateways that all serve acme/x. */
export async function startGatewayGroup(
  size: number,
  behave: (spec: EndpointSpec) => ReplicaBehaviour,
  settings: SettingsInput = {},
  limits: Limits = {},
): Promise<GatewayGroup> {
  await using stack = new AsyncDisposableStack();
  const folder = tempDir("group");
  const platform = stack.use(new TestPlatform(behave));
  const spec = endpointSpec(
    { org: "acme", endpoint: "x" },
    {
      id: "one",
      createdAt: "",
      artifact: { kind: "bundle", digest: `sha256:${"0".repeat(64)}` },
      settings: withDefaults(settings),
    },
  );
  await platform.apply(spec);
  const members = Array.from({ length: size }, (_, index) => ({
    name: `gateway-${index}`,
    address: `unix:${join(folder, `${index}.sock`)}`,
  }));
  const gateways: GroupGateway[] = [];
  for (const member of members) gateways.push(await startMember(member, members, spec, platform, limits, stack));
  await platform.scale(spec, Math.max(1, spec.replicas));
  await eventually("all gateways have joined and see the replicas", () =>
    gateways.every(({ group, endpoint }) => group.joined && endpoint.replicas.length >= Math.max(1, spec.replicas)),
  );
  const resources = stack.move();
  return { gateways, platform, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

async function startMember(
  member: { readonly name: string; readonly address: string },
  members: readonly { readonly name: string; readonly address: string }[],
  spec: EndpointSpec,
  platform: TestPlatform,
  limits: Limits,
  stack: AsyncDisposableStack,
): Promise<GroupGateway> {
  const log = { info() {}, warn() {} };
  const group: PeerGroup = new PeerGroup({
    ...member,
    transport: socketTransport,
    clock: SYSTEM_CLOCK,
    defer: setImmediate,
    random: Math.random,
    orgOf: (org) => registry.org(org),
    log,
  });
  const registry: EndpointRegistry = new EndpointRegistry({
    platform,
    log,
    limitsOf: () => limitNumbers(limits),
    sharing: group.sharing,
  });
  stack.use(await listenForPeers(member.address, (connection) => group.accept(connection)));
  stack.defer(() => group.stop());
  const endpoint = registry.put(spec);
  const server = createHttpServer((_, response) => response.end("control"), createGateway({ endpoints: registry }));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stack.defer(() => {
    registry.delete(spec);
    server.close();
    server.closeAllConnections();
  });
  const watching = new AbortController();
  const watched = (async () => {
    for await (const statuses of platform.watch(watching.signal)) registry.observe(statuses);
  })();
  stack.defer(async () => {
    watching.abort();
    await watched;
  });
  group.setContacts(members);
  return { name: member.name, port: (server.address() as AddressInfo).port, registry, group, endpoint };
}
