import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type EndpointRef,
  type EndpointSpec,
  endpointKey,
  type LimitNumbers,
  limitNumbers,
  type Revision,
  type SettingsInput,
  type Traffic,
  variantRef,
  withDefaults,
} from "@faas/core";
import { EndpointRegistry, StatusSync } from "@faas/gateway";
import { eventually, TestPlatform } from "@faas/testing";
import { pino } from "pino";
import { DisposerStack } from "../lib/disposer-stack.ts";
import { KeyedMutex } from "../lib/keyed-mutex.ts";
import type { EndpointRecord } from "../state/records.ts";
import { packRevisions } from "../state/revisions/kept-revisions.ts";
import { servedSpec } from "./variant-specs.ts";
import { Variants } from "./variants.ts";

const artifact = { kind: "bundle", digest: `sha256:${"a".repeat(64)}` } as const;
const revision = (id: string, settings: SettingsInput = {}): Revision => ({
  ...{ id, createdAt: "", artifact, settings: withDefaults(settings) },
});
const LATER = new Date(Date.now() + 3_600_000).toISOString();
const ref: EndpointRef = { org: "acme", endpoint: "x" };

/** Record of an endpoint that serves "new" and keeps "old". */
const recordOf = (traffic: Traffic, settings: SettingsInput = {}): EndpointRecord => ({
  ...{ createdAt: "", updatedAt: "", current: revision("new", settings) },
  kept: packRevisions([{ revision: revision("old", { ...settings, hostnames: ["x.example.com"] }) }]),
  traffic,
});

function started(t: { after(work: () => Promise<void>): void }, limits: Partial<LimitNumbers> = {}) {
  const stack = new DisposerStack();
  t.after(() => stack[Symbol.asyncDispose]());
  const platform = stack.use(new TestPlatform(() => (_, response) => response.end()));
  const log = pino({ level: "silent" });
  const registry: EndpointRegistry<EndpointSpec> = new EndpointRegistry<EndpointSpec>({
    ...{ platform, log, limitsOf: () => ({ ...limitNumbers({}), ...limits }) },
    onLimited: (endpoint) => variants.releaseWarm(endpoint),
  });
  const variants = new Variants({ platform, registry, log, mutex: new KeyedMutex() });
  stack.use(new StatusSync({ platform, registry, subscribers: [variants] })).start();
  const serve = async (of: EndpointRef, record: EndpointRecord) => {
    const spec = servedSpec(of, record);
    await platform.apply(spec);
    return registry.put(spec);
  };
  const readyOf = (id: string) => registry.get(endpointKey(variantRef(ref, id)))?.replicas.length ?? 0;
  return { platform, registry, variants, serve, readyOf };
}

test("revisions with a share, a tag or a preview are variants, and no others", async (t) => {
  const { registry, variants, serve } = started(t);
  const hasVariant = async (traffic: Traffic) => {
    const record = recordOf(traffic);
    await serve(ref, record);
    await variants.sync(ref, record);
    return registry.get("acme/x.old") !== undefined;
  };
  assert.equal(await hasVariant({ shares: { old: 10, new: 90 } }), true);
  assert.equal(registry.get("acme/x.old")?.spec.hostnames, undefined);
  assert.equal(registry.variants, 1);
  assert.equal(await hasVariant({ shares: { old: 0, new: 100 } }), false);
  assert.equal(await hasVariant({ tags: { stable: "old", latest: "new" } }), true);
  assert.equal(await hasVariant({}), false);
  assert.equal(await hasVariant({ previews: { old: {} } }), true);
  assert.equal(await hasVariant({ previews: { old: { expiresAt: "2020-01-01T00:00:00Z" } } }), false);
  assert.equal(await hasVariant({ tags: { gone: "unknown" } }), false);
  assert.equal(registry.variants, 0);
});

test("the previous revision keeps one replica, until it is no longer kept warm", async (t) => {
  const { platform, variants, serve, readyOf } = started(t);
  const record = recordOf({ keptWarm: { revision: "old", until: LATER } }, { replicas: 3, idleTimeout: "never" });
  await serve(ref, record);
  await variants.sync(ref, record);
  await eventually("a replica is ready", () => readyOf("old") === 1);
  await variants.sync(ref, recordOf({}));
  await eventually("its replica is gone", () => platform.replicas(variantRef(ref, "old")).length === 0);
});

test("a replica that is kept warm gives way to one that the limits have no room for", async (t) => {
  const { registry, variants, serve, readyOf } = started(t, { replicas: 2 });
  const record = recordOf({ keptWarm: { revision: "old", until: LATER } });
  registry.wake(await serve(ref, record));
  await variants.sync(ref, record);
  await eventually("a replica is kept warm", () => readyOf("old") === 1);
  const other = await serve({ org: "acme", endpoint: "other" }, recordOf({}, { replicas: 0 }));
  registry.wake(other);
  assert.equal(other.limited, undefined);
  await eventually("the other endpoint has it", () => other.replicas.length === 1 && readyOf("old") === 0);
  // It is not started again.
  await variants.sync(ref, record);
  assert.equal(registry.get("acme/x.old")?.desired, 0);
});

test("with limits, a deployment ends replicas that are kept warm, and none are started during one", async (t) => {
  const { registry, variants, serve, readyOf } = started(t, { replicas: 10 });
  const record = recordOf({ keptWarm: { revision: "old", until: LATER } });
  const main = await serve(ref, record);
  registry.wake(main);
  await variants.sync(ref, record);
  await eventually("a replica is kept warm", () => readyOf("old") === 1);
  variants.onDeployment({ org: "acme", endpoint: "other" });
  await eventually("it gives way", () => readyOf("old") === 0);
  main.deploying = true;
  await variants.sync(
    ref,
    recordOf({ keptWarm: { revision: "old", until: new Date(Date.now() + 7e6).toISOString() } }),
  );
  assert.equal(registry.get("acme/x.old")?.desired, 0);
});

test("a replica that calls are meant for does not give way to a deployment", async (t) => {
  const { registry, variants, serve, readyOf } = started(t);
  const keptWarm = { revision: "old", until: LATER };
  await serve(ref, recordOf({ keptWarm }));
  await variants.sync(ref, recordOf({ keptWarm }));
  await eventually("a replica is kept warm", () => readyOf("old") === 1);
  await variants.sync(ref, recordOf({ keptWarm, shares: { old: 100 } }));
  variants.onDeployment(ref);
  assert.equal(registry.get("acme/x.old")?.desired, 1);
  assert.equal(registry.get("acme/x")?.split?.next(), "old");
});

test("a revision starts with as many replicas as its share of the calls needs", async (t) => {
  const { registry, variants, serve, readyOf } = started(t);
  const main = await serve(ref, recordOf({}, { maxReplicas: 8 }));
  await variants.sync(ref, recordOf({ shares: { old: 50, new: 50 } }, { maxReplicas: 8 }));
  assert.equal(registry.get("acme/x.old")?.desired, 0);
  registry.scale(main, 5);
  await variants.sync(ref, recordOf({ shares: { old: 50, new: 50 } }, { maxReplicas: 8 }));
  await eventually("they are ready", () => readyOf("old") === 3);
});
