import {
  type EndpointSpec,
  type EndpointStatus,
  endpointSpec,
  type FaasError,
  type KeyRecord,
  type LimitNumbers,
  type Limits,
  limitNumbers,
  type SettingsInput,
  withDefaults,
} from "@faas/core";
import { EndpointRegistry, type GatewayMessage, ViewClient, type ViewClientOptions } from "@faas/gateway";
import { GatewayGroup } from "../gateways/group.ts";
import { Publisher } from "../gateways/publisher.ts";
import { StatusMessages } from "../gateways/state-messages.ts";
import { type ManualClock, MemoryLinks } from "./memory-link.ts";

/** A control server's state and its group of gateways, without a store, a platform or a network. */
export class LinkedControl {
  readonly clock: ManualClock;
  readonly registry: EndpointRegistry<EndpointSpec>;
  readonly group: GatewayGroup;
  readonly orgs = new Map<string, Limits>();
  readonly keys = new Map<string, KeyRecord>();
  /** Numbers of replicas that the platform was asked for, as `key=replicas`. */
  readonly scaled: string[] = [];
  readonly reports: GatewayMessage[] = [];
  notReady: FaasError | undefined;
  #statuses = new Map<string, EndpointStatus>();

  constructor(clock: ManualClock, instance = "1", outliveServer = false) {
    this.clock = clock;
    this.registry = new EndpointRegistry<EndpointSpec>({
      platform: {
        scale: async ({ org, endpoint }, replicas) => void this.scaled.push(`${org}/${endpoint}=${replicas}`),
      },
      log: { warn() {} },
      now: () => clock.now(),
      limitsOf: (org) => this.#limitsOf(org) ?? limitNumbers({}),
      onSpec: (endpoint) => this.group?.specChanged(endpoint),
      onStatus: (endpoint) => this.group?.statusChanged(endpoint),
      onRejected: (endpoint, error) => this.group.wakeFailed(endpoint, error),
      onRemoved: (endpoint) => this.group.endpointRemoved(endpoint),
    });
    const { registry } = this;
    this.group = new GatewayGroup({
      registry,
      clock,
      now: () => clock.now(),
      hello: { type: "hello", protocol: 1, version: "0", instance, platform: "test", requiresKeys: true },
      log: { info() {}, warn() {} },
      notReady: () => this.notReady,
      outliveServer,
      reports: { onReport: (message) => void this.reports.push(message) },
      publisher: (broadcast) =>
        new Publisher({
          ...{ registry, broadcast, clock },
          statuses: new StatusMessages(instance, ({ address }) => address),
          orgs: () => this.orgs.keys(),
          limitsOf: (org) => this.#limitsOf(org),
          keys: () => this.keys,
          keyOf: (id) => this.keys.get(id),
        }),
    });
  }

  putEndpoint(name: string, settings: SettingsInput = {}, revision = "r"): void {
    const artifact = { kind: "image", reference: "x" } as const;
    const spec = { id: revision, createdAt: "", artifact, settings: withDefaults(settings) };
    const [org = "", endpoint = ""] = name.split("/");
    this.registry.put(endpointSpec({ org, endpoint }, spec));
  }

  removeEndpoint(name: string): void {
    const [org = "", endpoint = ""] = name.split("/");
    this.registry.delete({ org, endpoint });
  }

  /** Reports a status of an endpoint, as the platform's watch would; `undefined` removes it. */
  observe(name: string, status: Omit<EndpointStatus, "org" | "endpoint"> | undefined): void {
    const [org = "", endpoint = ""] = name.split("/");
    if (status === undefined) this.#statuses.delete(name);
    else this.#statuses.set(name, { org, endpoint, ...status });
    this.registry.observe([...this.#statuses.values()]);
  }

  putOrg(name: string, limits: Limits | undefined): void {
    if (limits === undefined) this.orgs.delete(name);
    else this.orgs.set(name, limits);
    this.registry.limitsChanged(name);
    this.group.orgChanged(name);
  }

  putKey(id: string, record: KeyRecord | undefined): void {
    if (record === undefined) this.keys.delete(id);
    else this.keys.set(id, record);
    this.group.keyChanged(id);
  }

  #limitsOf(org: string): LimitNumbers | undefined {
    const limits = this.orgs.get(org);
    return limits && limitNumbers(limits);
  }
}

/** A gateway's view with a link in memory. */
export interface TestView {
  readonly view: ViewClient;
  readonly links: MemoryLinks;
}

/** Creates a view that is linked to the control server that `control` returns; undefined while there is none. */
export function testView(
  clock: ManualClock,
  control: () => LinkedControl | undefined,
  name: string,
  options: Partial<ViewClientOptions> = {},
): TestView {
  const links = new MemoryLinks(clock, () => {
    const present = control();
    return present && ((connection) => present.group.accept(connection));
  });
  const view = new ViewClient({
    identity: { name, version: "0", pid: 1, peerAddress: `test:${name}` },
    transport: links,
    log: { info() {}, warn() {} },
    ...{ clock, random: () => 0.5 },
    ...options,
  });
  view.start();
  return { view, links };
}

/** Describes everything that a view knows, for comparisons. */
export function describeView(view: ViewClient): object {
  const endpoints = Array.from(view.registry.values(), ({ key, spec, desired, status, org }) => {
    const { replicas = [], failure, ended = [], revision } = status ?? {};
    return [key, { spec, desired, revision, replicas, failure, ended, limits: org.limits }] as const;
  });
  const byName = <Value>(entries: readonly (readonly [string, Value])[]) =>
    Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return {
    endpoints: byName(endpoints),
    orgs: [...view.orgs()].sort(),
    keys: byName(Array.from(view.keys.ids(), (id) => [id, view.keys.get(id)] as const)),
    notReady: view.notReady()?.message,
  };
}
