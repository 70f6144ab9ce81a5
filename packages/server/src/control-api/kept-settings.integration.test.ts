import assert from "node:assert/strict";
import { test } from "node:test";
import { type SettingChange, type Settings, type SettingsInput, type SettingsView, withDefaults } from "@faas/core";
import fc from "fast-check";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** A registration keeps the settings that it does not name. */

const server = await testControl();
const bundle = await functionBundle("export const handler = () => 'kept';\n");
const artifact = { kind: "bundle", digest: digestOf(bundle) } as const;
const image = `bundle@${artifact.digest}`;
assert.equal((await server.upload(bundle)).status, 201);
await server.send("PUT", "/-/orgs/acme", {
  limits: { hostnames: ["*.example.com"], resources: { "example.com/dongle": 100 } },
});
for (const name of ["ONE", "TWO"]) await server.send("PUT", `/-/orgs/acme/secrets/${name}`, { value: name });

const pathOf = (endpoint: string) => `/-/orgs/acme/endpoints/${endpoint}`;

/** A value of each setting that is not its default. */
const VALUES: Required<SettingsInput> = {
  runtime: "python",
  app: "http",
  signature: "lambda",
  handler: "index.handler",
  command: ["run", "it"],
  readyPath: "/ready",
  baseImage: "node:22-slim",
  fallback: "index.html",
  replicas: 2,
  maxReplicas: 20,
  warm: [{ cron: "0 8 * * 1-5", timeZone: "Europe/Berlin", for: "10h", replicas: 2 }],
  scaler: "fixed",
  concurrency: 2,
  idleTimeout: "30s",
  keepWarm: "1m",
  timeout: "10s",
  async: { attempts: 3, failures: "429,5xx" },
  hooks: [{ name: "kept", provider: "github", secret: "ONE", path: "/hook" }],
  subscriptions: [{ type: "com.example.*", source: "/orders/*", extensions: { tenant: "acme" }, path: "/event" }],
  sources: [{ stream: "ORDERS", subject: "acme.orders.>", startAt: "all", order: "subject", path: "/order" }],
  schedules: [{ name: "morning", cron: "0 8 * * 1-5", timeZone: "Europe/Berlin", body: { a: [1] } }],
  tool: {
    description: "Kept.",
    input: { type: "object", properties: { a: { type: "number" } }, required: ["a"] },
    annotations: { readOnlyHint: true },
  },
  cpu: "200m",
  cpuMax: "500m",
  memory: "300Mi",
  disk: "64Mi",
  resources: { "example.com/dongle": 1 },
  bodyLimit: "1Mi",
  egress: "none",
  visibility: "public",
  hostnames: ["a.example.com"],
  env: { A: "1" },
  secrets: { B: "ONE" },
};
const NAMES = Object.keys(VALUES) as (keyof SettingsInput)[];
/** Settings of endpoints that exist. The embedded platform registers none with extended resources, and a server without NATS none with sources. */
const SETTABLE = NAMES.filter((name) => name !== "resources" && name !== "sources");
const pairs = SETTABLE.flatMap((set) => SETTABLE.filter((name) => name !== set).map((named) => ({ set, named })));

/** Endpoints that have the value of one setting, made when they are needed. They start no replicas: they are registered once. */
const created = new Map<string, Promise<string>>();
async function endpointWith(set: keyof SettingsInput): Promise<string> {
  const endpoint = `with-${set.toLowerCase()}`;
  // A hostname belongs to one endpoint.
  const value =
    set === "hostnames"
      ? ["set.example.com"]
      : set === "hooks"
        ? [{ name: "set", provider: "github", secret: "ONE" }]
        : VALUES[set];
  const creation = created.get(endpoint) ?? create(endpoint, { replicas: 0, [set]: value });
  created.set(endpoint, creation);
  return creation;
}

async function create(endpoint: string, settings: SettingsInput): Promise<string> {
  const { status, problem } = await server.send("PUT", pathOf(endpoint), { artifact, settings });
  assert.equal(status, 201, problem.detail);
  return endpoint;
}

async function settingsOf(endpoint: string): Promise<SettingsView> {
  const { status, body } = await server.send("GET", `${pathOf(endpoint)}/settings`);
  assert.equal(status, 200);
  return body;
}

/** Ways to register an endpoint again with other settings. */
const KINDS: Record<
  string,
  (endpoint: string, settings: SettingsInput, before: Settings) => readonly [string, string, object]
> = {
  "code and settings": (endpoint, settings) => ["PUT", pathOf(endpoint), { artifact, settings }],
  // A build follows the runtime that is set.
  "built code and settings": (endpoint, settings, { runtime }) => [
    "PUT",
    pathOf(endpoint),
    { artifact, settings, detected: { runtime: settings.runtime ?? runtime } },
  ],
  "settings alone": (endpoint, settings) => ["PUT", pathOf(endpoint), { settings }],
  "the request of the original system": (endpoint, settings, { replicas }) => [
    "POST",
    "/add_endpoint",
    { org: "acme", endpoint, image, replicas, ...settings },
  ],
};

for (const [kind, request] of Object.entries(KINDS)) {
  test(`registering again with ${kind} changes what it names, for pairs of settings`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...pairs), async ({ set, named }) => {
        const endpoint = await endpointWith(set);
        const before = await settingsOf(endpoint);
        const [method, path, body] = request(endpoint, { [named]: VALUES[named] }, before.settings);
        const { status, body: planned } = await server.send(method, path, { ...body, dryRun: true });
        assert.equal(status, 200, JSON.stringify(planned));
        const changed = planned.changes.map(({ setting }: SettingChange) => setting.replace(/\..*/, ""));
        assert.deepEqual(changed, [named]);
        assert.deepEqual(await settingsOf(endpoint), before, "a dry run changes nothing");
      }),
      { numRuns: 40 },
    );
  });
}

test("named settings stay through registrations and a change of a secret", async () => {
  const endpoint = await create("stays", { replicas: 0, concurrency: 2, env: { A: "1" }, secrets: { B: "ONE" } });
  const expected = { ...withDefaults({ replicas: 0, concurrency: 2, env: { A: "1" }, secrets: { B: "ONE" } }) };
  const put = async (body: object) => {
    const response = await server.send("PUT", pathOf(endpoint), body);
    assert.equal(response.status, 200, JSON.stringify(response.body));
    return response.body;
  };
  const { changes } = await put({ settings: { timeout: "10s" }, variables: { env: { C: "3" } } });
  assert.deepEqual(changes, [
    { setting: "timeout", from: "30s", to: "10s" },
    { setting: "env.C", from: null, to: "3" },
  ]);
  assert.equal((await server.send("PUT", "/-/orgs/acme/secrets/ONE", { value: "new" })).status, 200);
  const added = { org: "acme", endpoint, image, replicas: 0, memory: "300Mi" };
  assert.equal((await server.send("POST", "/add_endpoint", added)).status, 200);
  assert.deepEqual((await settingsOf(endpoint)).settings, {
    ...{ ...expected, timeout: "10s", memory: "300Mi" },
    env: { A: "1", C: "3" },
  });
  assert.deepEqual((await put({ settings: { memory: "300Mi" } })).changes, []);
  const reset = await put({ reset: true, settings: { replicas: 0 } });
  assert.deepEqual(
    reset.changes.map(({ setting }: SettingChange) => setting),
    ["concurrency", "timeout", "memory", "env.A", "env.C", "secrets.B"],
  );
  assert.deepEqual((await settingsOf(endpoint)).set, { replicas: 0 });
});

test("settings that are changed at the same time all stay", async () => {
  const endpoint = await create("at-once", { replicas: 0 });
  const changes = [{ concurrency: 2 }, { timeout: "10s" }, { memory: "300Mi" }, { cpu: "200m" }];
  const responses = await Promise.all(changes.map((settings) => server.send("PUT", pathOf(endpoint), { settings })));
  assert.deepEqual(new Set(responses.map(({ status }) => status)), new Set([200]));
  assert.deepEqual((await settingsOf(endpoint)).set, Object.assign({ replicas: 0 }, ...changes));
});

test("a setting that is named with the value that it has is set, without a new revision", async () => {
  const endpoint = await create("named", { replicas: 0 });
  const { revision } = await settingsOf(endpoint);
  const { body } = await server.send("PUT", pathOf(endpoint), { settings: { concurrency: 80 } });
  assert.deepEqual([body.revision, body.unchanged, body.changes], [revision, true, []]);
  assert.deepEqual((await settingsOf(endpoint)).set, { replicas: 0, concurrency: 80 });
});

test("a dry run reports what a registration would be rejected for", async () => {
  const endpoint = await create("planned", { replicas: 0 });
  for (const [settings, code] of [
    [{ replicas: 2, maxReplicas: 1 }, "INVALID_REQUEST"],
    [{ secrets: { X: "MISSING" } }, "SECRET_NOT_FOUND"],
    [{ hostnames: ["example.org"] }, "HOSTNAME_NOT_ALLOWED"],
    [{ scaler: "cpu" }, "SCALER_UNSUPPORTED"],
  ] as const) {
    const { problem } = await server.send("PUT", pathOf(endpoint), { settings, dryRun: true });
    assert.equal(problem.code, code);
  }
});

test("a dry run of a new endpoint lists what differs from the defaults, and creates nothing", async () => {
  const body = { settings: { concurrency: 2 }, detected: { runtime: "python" }, dryRun: true };
  const { body: planned } = await server.send("PUT", "/-/orgs/other/endpoints/new", body);
  assert.deepEqual(planned, {
    ...{ org: "other", endpoint: "new", created: true },
    changes: [
      { setting: "runtime", from: "node", to: "python" },
      { setting: "concurrency", from: 80, to: 2 },
    ],
  });
  assert.equal((await server.send("GET", "/-/orgs/other")).problem.code, "ORG_NOT_FOUND");
});

test("settings of an endpoint that does not exist cannot be changed", async () => {
  const { problem } = await server.send("PUT", pathOf("planed"), { settings: { concurrency: 2 } });
  assert.deepEqual([problem.code, problem.suggestion], ["ENDPOINT_NOT_FOUND", "acme/planned"]);
});
