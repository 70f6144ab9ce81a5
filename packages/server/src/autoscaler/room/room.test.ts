import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type EndpointSpec,
  type EndpointStatus,
  endpointSpec,
  type NodeResource,
  type SettingsInput,
  withDefaults,
} from "@faas/core";
import { EndpointRegistry, type ServedEndpoint } from "@faas/gateway";
import { Autoscaler } from "../loop.ts";

const WAITER = { previous: undefined, next: undefined, onSlot() {}, onRejected() {} };

/** A cluster with one node, which has room for a number of replicas, and a clock that the test moves. */
class FullNode {
  readonly #room: number;
  readonly #registry: EndpointRegistry<EndpointSpec>;
  readonly #autoscaler: Autoscaler;
  readonly #endpoints: ServedEndpoint<EndpointSpec>[] = [];
  #now = 1_000_000;

  readonly #resource: NodeResource;

  /** @param resource the one of which the node has too little for more replicas */
  constructor(room: number, resource: NodeResource = "cpu") {
    this.#room = room;
    this.#resource = resource;
    const platform = { scale: async () => {} };
    this.#registry = new EndpointRegistry<EndpointSpec>({
      ...{ platform, log: { warn() {} }, now: () => this.#now },
      onSpec: (endpoint) => this.#autoscaler.onSpec(endpoint),
    });
    this.#autoscaler = new Autoscaler({ registry: this.#registry, now: () => this.#now });
  }

  add(name: string, settings: SettingsInput = {}): ServedEndpoint<EndpointSpec> {
    const artifact = { kind: "image", reference: "x" } as const;
    const revision = { id: "r", createdAt: "", artifact, settings: withDefaults(settings) };
    const endpoint = this.#registry.put(endpointSpec({ org: "acme", endpoint: name }, revision));
    this.#endpoints.push(endpoint);
    return endpoint;
  }

  /** Calls an endpoint; the call ends at once if there is a replica, and otherwise waits. */
  call(endpoint: ServedEndpoint<EndpointSpec>): void {
    this.#registry.wake(endpoint);
    this.#observe();
    const replica = endpoint.acquire();
    if (replica) endpoint.release(replica, this.#now);
    else endpoint.wait({ ...WAITER, onSlot: (slot) => endpoint.release(slot, this.#now) });
  }

  after(ms: number): void {
    for (const end = this.#now + ms; this.#now < end; ) {
      this.#now += 100;
      this.#autoscaler.sample();
      this.#observe();
    }
  }

  /** Gives the desired replicas their room, those that have it already first. */
  #observe(): void {
    let free = this.#room;
    const has = (endpoint: ServedEndpoint) => endpoint.replicas.length;
    const granted = new Map(this.#endpoints.map((each) => [each, Math.min(has(each), each.desired)]));
    for (const count of granted.values()) free -= count;
    const statuses = this.#endpoints.map((endpoint): EndpointStatus => {
      const more = Math.min(free, endpoint.desired - (granted.get(endpoint) ?? 0));
      free -= more;
      const ready = (granted.get(endpoint) ?? 0) + more;
      const lacking = endpoint.desired - ready;
      const requests = { cpuMillis: 250, memoryBytes: 1 };
      return {
        ...{ org: "acme", endpoint: endpoint.spec.endpoint, revision: "r" },
        replicas: Array.from({ length: ready }, (_, index) => ({
          ...{ id: `${endpoint.key}-${index}`, address: "127.0.0.1:9", ready: true, revision: "r" },
          reserved: { node: "a", ...requests },
        })),
        ...(lacking > 0
          ? { lacksRoom: { replicas: lacking, each: requests, resources: [this.#resource], detail: "full" } }
          : {}),
      };
    });
    this.#registry.observe(statuses);
  }
}

const desired = (endpoints: readonly ServedEndpoint[]) => endpoints.map((endpoint) => endpoint.desired);

test("six cold endpoints on a node with room for five are all answered, in each of four rounds", () => {
  const node = new FullNode(5);
  const endpoints = ["a", "b", "c", "d", "e", "f"].map((name) => node.add(name));
  for (let round = 0; round < 4; round++) {
    for (const endpoint of endpoints) node.call(endpoint);
    node.after(2_000);
    assert.deepEqual(
      endpoints.map(({ waiting }) => waiting),
      [0, 0, 0, 0, 0, 0],
    );
  }
});

test("the endpoint that was called last keeps its replica", () => {
  const node = new FullNode(2);
  const [first, second, third] = [node.add("a"), node.add("b"), node.add("c")];
  node.call(first);
  node.call(second);
  node.after(3_000);
  node.call(first);
  node.after(1_000);
  node.call(third);
  node.after(1_000);
  assert.deepEqual(desired([first, second, third]), [1, 0, 1]);
  assert.equal(third.waiting, 0);
});

test("replicas with a call in flight do not give way, nor do those that are never idle, nor those being deployed", () => {
  const node = new FullNode(3);
  const [busy, kept, deployed] = [node.add("a"), node.add("b", { idleTimeout: "never" }), node.add("c")];
  for (const endpoint of [busy, kept, deployed]) node.call(endpoint);
  busy.acquire();
  deployed.deploying = true;
  node.after(5_000);
  const needy = node.add("d");
  node.call(needy);
  node.after(20_000);
  assert.deepEqual(desired([busy, kept, deployed, needy]), [1, 1, 1, 1]);
  assert.equal(needy.waiting, 1);
});

test("replicas of an open warm window do not give way", () => {
  const node = new FullNode(2);
  const warm = node.add("a", { warm: [{ cron: "* * * * *", timeZone: "UTC", for: "1h", replicas: 2 }] });
  node.call(warm);
  node.after(20_000);
  const needy = node.add("b");
  node.call(needy);
  node.after(20_000);
  assert.deepEqual(desired([warm, needy]), [2, 1]);
  assert.equal(needy.waiting, 1);
});

test("an endpoint that nobody has called since does not get the room of others", () => {
  const node = new FullNode(1);
  const [needy, served] = [node.add("a"), node.add("b")];
  node.call(served);
  node.after(100);
  // Its replica was started for a call whose client has disconnected.
  node.call(needy);
  const waiter = { ...WAITER };
  needy.wait(waiter);
  needy.rejectAll(new Error("disconnected"));
  node.call(served);
  node.after(20_000);
  assert.deepEqual(desired([needy, served]), [1, 1]);
  assert.equal(served.replicas.length, 1);
});

test("an endpoint that has replicas gets more only from those that have been idle for 10 s", () => {
  const node = new FullNode(2);
  const [busy, idle] = [node.add("a", { concurrency: 1, maxReplicas: 2 }), node.add("b")];
  node.call(idle);
  node.call(busy);
  busy.acquire();
  for (let i = 0; i < 5; i++) busy.wait({ ...WAITER });
  node.after(5_000);
  assert.deepEqual(desired([busy, idle]), [2, 1]);
  node.after(6_000);
  assert.deepEqual(desired([busy, idle]), [2, 0]);
  assert.equal(busy.replicas.length, 2);
});

test("for memory and pods, the platform has 3 s to end what it keeps ready, before replicas give way", () => {
  for (const resource of ["memory", "pods"] as const) {
    const node = new FullNode(1, resource);
    const [idle, needy] = [node.add("a"), node.add("b")];
    node.call(idle);
    node.after(5_000);
    node.call(needy);
    node.after(2_900);
    assert.deepEqual(desired([idle, needy]), [1, 1]);
    node.after(500);
    assert.deepEqual(desired([idle, needy]), [0, 1]);
  }
});
