import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { endpointSettings, saveProject } from "../testing/endpoint-settings.ts";
import { testServer } from "../testing/test-server.ts";

/** Settings of an endpoint: a deployment and `faas config` change those that they name and keep the others. */

const server = await testServer();
const CODE = "export const other = () => 'other';\nexport const handler = () => process.env.TOKEN ?? 'none';\n";
const { deploy, described } = endpointSettings(server);

test("deploy keeps what it does not name, and prints what changes", async (t) => {
  const folder = await server.source("tour", CODE);
  await server.run(t, ["secret", "set", "acme", "TOKEN"], { input: "hidden" });
  assert.deepEqual(await deploy(t, folder, "tour", "--concurrency", "2", "--idle-timeout", "30s", "--env", "A=1"), []);
  assert.deepEqual(await deploy(t, folder, "tour", "--secret", "TOKEN"), ["secrets.TOKEN (none) -> TOKEN"]);
  assert.deepEqual(await deploy(t, folder, "tour"), []);
  assert.deepEqual(await deploy(t, folder, "tour", "--env", "B=two words", "--concurrency", "80"), [
    "concurrency 2 -> 80",
    'env.B (none) -> "two words"',
  ]);
  const { concurrency, idleTimeout, env, secrets } = await described(t, "tour");
  assert.deepEqual(
    { concurrency, idleTimeout, env, secrets },
    { concurrency: 80, idleTimeout: "30s", env: { A: "1", B: "two words" }, secrets: { TOKEN: "TOKEN" } },
  );
  assert.equal(await (await fetch(`${server.url}/acme/tour`)).text(), "hidden");
  assert.deepEqual(
    await deploy(t, folder, "tour", "--unset", "secret.TOKEN", "--unset", "env.A", "--unset", "idle-timeout"),
    ["idleTimeout 30s -> 5m", "env.A 1 -> (none)", "secrets.TOKEN TOKEN -> (none)"],
  );
  assert.deepEqual(await deploy(t, folder, "tour", "--reset", "--timeout", "9s"), [
    "timeout 30s -> 9s",
    'env.B "two words" -> (none)',
  ]);
});

test("deploy builds by the settings that the endpoint has", async (t) => {
  const folder = await server.source("kept-handler", CODE);
  await deploy(t, folder, "kept-handler", "--handler", "index.other");
  assert.deepEqual(await deploy(t, folder, "kept-handler", "--env", "A=1"), ["env.A (none) -> 1"]);
  assert.equal(await (await fetch(`${server.url}/acme/kept-handler`)).text(), "other");
  // Detected settings follow the code; settings that a deployment named do not.
  const site = await server.source("kept-site", "");
  await writeFile(join(site, "index.html"), "home");
  await writeFile(join(site, "app.html"), "app");
  assert.deepEqual(
    await deploy(t, site, "kept-handler", "--unset", "handler", "--app", "static", "--fallback", "app.html"),
    ["app function -> static", "handler index.other -> (none)", "fallback (none) -> app.html"],
  );
  assert.deepEqual(await deploy(t, site, "kept-handler", "--env", "A=2"), ["env.A 1 -> 2"]);
  assert.equal(await (await fetch(`${server.url}/acme/kept-handler/missing`)).text(), "app");
});

test("a field of faas.json has its value at every deployment; a removed one is kept until --reset", async (t) => {
  const folder = await server.source("project", CODE);
  await saveProject(folder, { concurrency: 2, timeout: "9s", env: { A: "1", B: "2" } });
  await deploy(t, folder, "project", "--memory", "300Mi");
  await deploy(t, folder, "project", "--env", "C=3", "--concurrency", "4");
  await saveProject(folder, { concurrency: 2, env: { A: "1" } });
  assert.deepEqual(await deploy(t, folder, "project"), [
    "concurrency 4 -> 2",
    "env.B 2 -> (none)",
    "env.C 3 -> (none)",
  ]);
  const { timeout, memory } = await described(t, "project");
  assert.deepEqual({ timeout, memory }, { timeout: "9s", memory: "300Mi" });
  assert.deepEqual(await deploy(t, folder, "project", "--reset"), ["timeout 9s -> 30s", "memory 300Mi -> 256Mi"]);
});

test("--dry-run prints the changes alone, and deploys nothing", async (t) => {
  const folder = await server.source("dry", CODE);
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "dry", "--concurrency", "2", "--dry-run"];
  const created = await server.run(t, argv);
  assert.deepEqual([created.code, created.stdout], [0, "concurrency 80 -> 2\n"]);
  assert.match(created.stderr, /^New endpoint: acme\/dry does not exist yet\.$/m);
  await deploy(t, folder, "dry");
  const before = await described(t, "dry");
  const changed = await server.run(t, argv);
  assert.deepEqual([changed.code, changed.stdout, changed.stderr], [0, "concurrency 80 -> 2\n", ""]);
  const { stdout } = await server.run(t, [...argv, "--output", "json"]);
  assert.deepEqual(JSON.parse(stdout), {
    ...{ org: "acme", endpoint: "dry", created: false },
    changes: [{ setting: "concurrency", from: 80, to: 2 }],
  });
  assert.deepEqual(await described(t, "dry"), before);
  const same = await server.run(t, [...argv, "--concurrency", "80"]);
  assert.deepEqual([same.code, same.stdout, same.stderr], [0, "", "No setting would change.\n"]);
});

test("--unset of an unknown setting names the similar one", async (t) => {
  const { code, stderr } = await server.run(t, ["deploy", ".", "--unset", "concurency"]);
  assert.equal(code, 2);
  assert.match(stderr, /There is no setting "concurency"/);
  assert.match(stderr, /did you mean "concurrency"\?/);
});

test("config shows every setting with its value and where it comes from", async (t) => {
  const folder = await server.source("shown", "export const handler = (request, response) => response.end('http');\n");
  await deploy(t, folder, "shown", "--concurrency", "80", "--timeout", "9s", "--env", "A=two words");
  const { code, stdout, stderr } = await server.run(t, ["config", "acme/shown"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^SETTING +VALUE +ORIGIN$/m);
  assert.match(stdout, /^concurrency +80 +set$/m);
  assert.match(stdout, /^timeout +9s +set$/m);
  assert.match(stdout, /^memory +256Mi +default$/m);
  assert.match(stdout, /^visibility +private +default$/m);
  assert.match(stdout, /^hostnames +\(none\) +default$/m);
  assert.match(stdout, /^app +http +detected$/m);
  assert.match(stdout, /^env\.A +"two words" +set$/m);
  const json = await server.run(t, ["config", "acme/shown", "--output", "json"]);
  const { settings, ...ref } = JSON.parse(json.stdout);
  assert.deepEqual(Object.keys(ref), ["org", "endpoint", "revision"]);
  assert.deepEqual(
    settings.find(({ setting }: { setting: string }) => setting === "timeout"),
    {
      ...{ setting: "timeout", value: "9s", origin: "set" },
    },
  );
});

test("config changes settings without the code, also back to their defaults", async (t) => {
  const folder = await server.source("changed", CODE);
  await deploy(t, folder, "changed");
  const config = async (...argv: string[]) => {
    const { code, stdout, stderr } = await server.run(t, ["config", "acme/changed", ...argv]);
    assert.equal(code, 0, stderr);
    return stdout.split("\n").filter(Boolean);
  };
  assert.deepEqual(await config("concurrency=2", "idle-timeout=30s", "env.TOKEN=open", "handler=index.handler"), [
    "handler (none) -> index.handler",
    "concurrency 80 -> 2",
    "idleTimeout 5m -> 30s",
    "env.TOKEN (none) -> open",
  ]);
  assert.equal(await (await fetch(`${server.url}/acme/changed`)).text(), "open");
  assert.deepEqual(await config("concurrency=4", "--dry-run"), ["concurrency 2 -> 4"]);
  assert.deepEqual(await config("concurrency=2"), []);
  assert.deepEqual(await config("concurrency=", "env.TOKEN=", "--unset", "idleTimeout"), [
    "concurrency 2 -> 80",
    "idleTimeout 30s -> 5m",
    "env.TOKEN open -> (none)",
  ]);
  assert.equal(await (await fetch(`${server.url}/acme/changed`)).text(), "none");
  // The next deployment has the handler that config has set.
  assert.deepEqual(await deploy(t, folder, "changed"), []);
});

test("describe has a line for each setting, also if its value has several", async (t) => {
  const folder = await server.source("lines", CODE);
  await deploy(t, folder, "lines", "--env", "TEXT=first\nsecond");
  assert.match((await server.run(t, ["describe", "acme/lines"])).stdout, /^env TEXT +"first\\nsecond"$/m);
});

test("warm windows are options, settings and fields of faas.json", async (t) => {
  const folder = await server.source("warm", CODE);
  const window = "0 8 29 2 * Europe/Berlin 10h 2";
  await deploy(t, folder, "warm", "--warm", window, "--warm", "0 12 29 2 1 UTC 1h 3");
  assert.match((await server.run(t, ["describe", "acme/warm"])).stdout, /^warm +0 8 29 2 \* Europe\/Berlin 10h 2$/m);
  const shown = await server.run(t, ["config", "acme/warm"]);
  assert.match(shown.stdout, /^warm +"0 8 29 2 \* Europe\/Berlin 10h 2", "0 12 29 2 1 UTC 1h 3" +set$/m);
  const changed = await server.run(t, ["config", "acme/warm", `warm=${window}; ${window}`, "--dry-run"]);
  assert.match(changed.stdout, /^warm "0 8 .* 3" -> "0 8 29 2 \* Europe\/Berlin 10h 2", "0 8 [^"]*2"\n$/);
  const warm = [{ cron: "0 8 29 2 *", timeZone: "Europe/Berlin", for: "10h", replicas: 2 }];
  await saveProject(folder, { warm });
  assert.deepEqual(await deploy(t, folder, "warm"), [`warm "${window}", "0 12 29 2 1 UTC 1h 3" -> "${window}"`]);
  assert.deepEqual((await described(t, "warm")).warm, warm);
});

test("settings of asynchronous calls are an option, a setting and a field of faas.json", async (t) => {
  const folder = await server.source("async", CODE);
  await deploy(t, folder, "async", "--async", "failures=429,5xx,attempts=3", "--async", "backoff=2s");
  const all = "attempts=3,backoff=2s,failures=429,5xx";
  assert.match((await server.run(t, ["describe", "acme/async"])).stdout, new RegExp(`^async +${all}$`, "m"));
  assert.match((await server.run(t, ["config", "acme/async"])).stdout, new RegExp(`^async +${all} +set$`, "m"));
  const changed = await server.run(t, ["config", "acme/async", "async=max-backoff=1m, keep=1h", "--dry-run"]);
  assert.equal(changed.stdout, `async ${all} -> maxBackoff=1m,keep=1h\n`);
  // The order of the fields makes no difference, and neither does an empty object.
  await saveProject(folder, { async: { failures: "429,5xx", backoff: "2s", attempts: 3 } });
  assert.deepEqual(await deploy(t, folder, "async"), []);
  await saveProject(folder, { async: {} });
  assert.deepEqual(await deploy(t, folder, "async"), [`async ${all} -> (none)`]);
  assert.equal((await described(t, "async")).async, undefined);
});

test("malformed settings of asynchronous calls are rejected with the key, before anything is deployed", async (t) => {
  const folder = await server.source("unsent", CODE);
  const rejected = async (...argv: string[]) => {
    const { code, stderr } = await server.run(t, argv);
    assert.equal(code, 2, stderr);
    return stderr;
  };
  const deployed = (text: string) => rejected("deploy", folder, "--org", "acme", "--endpoint", "u", "--async", text);
  assert.match(
    await deployed("atempts=3"),
    /`--async` option to be attempts=, backoff=, .*, got "atempts=3" \(USAGE\)\nhint: did you mean "attempts=3"\?/,
  );
  assert.match(await deployed("3"), /`--async` option to be attempts=, .*, got "3"/);
  assert.match(await deployed("attempts=x"), /attempts in the `--async` option to be a (whole )?number, got "x"/);
  assert.match(await deployed("attempts=0"), /attempts in the `--async` option to be 1 or more, got 0/);
  assert.match(
    await deployed("failures=429,6xx"),
    /failures in .* to be statuses and classes, such as 429,5xx, got "429,6xx"/,
  );
  assert.match(await deployed("keep=40d"), /keep in .* to be a duration from 1s to 30d, got "40d"/);
  assert.match(await deployed("revision=first"), /revision in .* to be one of "delivery", "enqueue", got "first"/);
  assert.match(
    await deployed("backoff=1m,maxBackoff=1s"),
    /expected "async\.maxBackoff" to be at least "async\.backoff" \(1m\), got 1s/,
  );
  assert.match(
    await rejected("config", "acme/u", "async=attempt=3"),
    /Expected "async" to be attempts=, .*"attempts=3"/s,
  );
  await saveProject(folder, { org: "acme", endpoint: "u", async: { backof: "1s" } });
  assert.match(await rejected("deploy", folder), /unknown field "async\.backof"/);
});

test("a malformed warm window is rejected with what is wrong, before anything is deployed", async (t) => {
  const folder = await server.source("cold", CODE);
  const rejected = async (...argv: string[]) => {
    const { code, stderr } = await server.run(t, argv);
    assert.equal(code, 2, stderr);
    return stderr;
  };
  const deployed = (window: string) => rejected("deploy", folder, "--org", "acme", "--endpoint", "c", "--warm", window);
  assert.match(await deployed("0 8 * *"), /`--warm` option to be a cron expression, a time zone, .*, got "0 8 \* \*"/);
  assert.match(
    await deployed("0 25 * * * UTC 1h 1"),
    /`--warm` option to be a cron expression with "hour" from 0 to 23, got "25"/,
  );
  assert.match(await deployed("0 8 * * * Mars 1h 1"), /`--warm` option to be a time zone such as .*, got "Mars"/);
  assert.match(await deployed("0 8 * * * UTC 1h x"), /`--warm` option to be a (whole )?number, got "x"/);
  assert.match(await rejected("config", "acme/c", "warm=0 8"), /a cron expression, a time zone, .*, got "0 8"/);
  await saveProject(folder, { org: "acme", endpoint: "c", warm: [{ cron: "0 8 * * *", timeZone: "Mars" }] });
  assert.match(await rejected("deploy", folder), /"warm\.0\.timeZone": expected a time zone such as .*, got "Mars"/);
});

test("config reports settings that do not work, and the revision that still serves", async (t) => {
  const folder = await server.source(
    "strict",
    "if (process.env.A) throw new Error('no A');\nexport const handler = () => 'ok';\n",
  );
  await deploy(t, folder, "strict");
  const { code, stdout, stderr } = await server.run(t, ["config", "acme/strict", "env.A=1"]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /no A/);
  assert.match(stderr, /The previous revision [0-9a-f]{12} still serves acme\/strict\. \(DEPLOY_FAILED\)/);
  // The failed change is not kept.
  assert.deepEqual(await deploy(t, folder, "strict", "--timeout", "9s"), ["timeout 30s -> 9s"]);
});

for (const [argv, expected] of [
  [["concurrency"], /Expected SETTING=VALUE, got "concurrency"/],
  [["concurency=2"], /There is no setting "concurency"[\s\S]*did you mean "concurrency"\?/],
  [["concurrency=many"], /"concurrency": expected a number, got "many"/],
  [["idle-timeout=1ms"], /"idleTimeout": expected a duration from 100ms to 30d, got "1ms"/],
  [["env.PORT=1"], /PORT and names that begin with FAAS_ are set by faas/],
  [["env=A"], /Expected env\.NAME=VALUE for each variable/],
  [["runtime=python"], /"runtime" takes effect in a build: pass --runtime to faas deploy/],
  [["--unset", "base-image"], /"baseImage" takes effect in a build: pass --base-image to faas deploy/],
] as const) {
  test(`wrong usage: config ${argv.join(" ")}`, async (t) => {
    const { code, stdout, stderr } = await server.run(t, ["config", "acme/missing", ...argv]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, expected);
  });
}

/** Options of settings in the order of `faas.json`, with two values for each. */
const OPTIONS = {
  signature: ["lambda", "faas"],
  handler: ["index.other", "index.handler"],
  readyPath: ["/ready", "/healthz"],
  fallback: ["index.html", "app.html"],
  replicas: [1, 2],
  maxReplicas: [20, 30],
  scaler: ["fixed", "concurrency"],
  concurrency: [2, 3],
  idleTimeout: ["30s", "never"],
  timeout: ["10s", "20s"],
  cpu: ["200m", "300m"],
  memory: ["300Mi", "400Mi"],
  disk: ["64Mi", "2Gi"],
  bodyLimit: ["1Mi", "2Mi"],
  egress: ["none", "open"],
  visibility: ["public", "private"],
} as const;
type Named = keyof typeof OPTIONS;
const optionOf = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Ways to change settings with the CLI. */
const KINDS: Record<
  string,
  (folder: string, settings: Readonly<Record<string, string | number>>) => Promise<string[]>
> = {
  options: async (folder, settings) => [
    ...["deploy", folder, "--org", "acme", "--endpoint", "pairs"],
    ...Object.entries(settings).flatMap(([name, value]) => [optionOf(name), String(value)]),
  ],
  "faas.json": async (folder, settings) => {
    await saveProject(folder, settings);
    return ["deploy", folder, "--org", "acme", "--endpoint", "pairs"];
  },
  config: async (_, { fallback: __, ...settings }) => [
    ...["config", "acme/pairs"],
    ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
  ],
};

test("any two settings that are named change, and all others stay", async (t) => {
  const folder = await server.source("pairs", CODE);
  const names = Object.keys(OPTIONS) as Named[];
  const all = names.flatMap((name) => [optionOf(name), String(OPTIONS[name][0])]);
  await deploy(t, folder, "pairs", ...all, "--env", "A=1", "--env", "B=2");
  const before = await described(t, "pairs");
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...Object.keys(KINDS)),
      fc.subarray(names, { minLength: 2, maxLength: 2 }),
      async (kind, pair) => {
        await saveProject(folder, {});
        const settings = Object.fromEntries(pair.map((name) => [name, OPTIONS[name][1]]));
        const argv = await KINDS[kind]?.(folder, settings);
        const { code, stdout, stderr } = await server.run(t, [...(argv ?? []), "--dry-run"]);
        assert.equal(code, 0, stderr);
        const named = pair.filter((name) => kind !== "config" || name !== "fallback");
        const expected = named.map((name) => `${name} ${OPTIONS[name][0]} -> ${OPTIONS[name][1]}`);
        assert.deepEqual(stdout.split("\n").filter(Boolean), expected);
      },
    ),
    { numRuns: 20 },
  );
  await saveProject(folder, {});
  assert.deepEqual(await deploy(t, folder, "pairs", "--timeout", "20s"), ["timeout 10s -> 20s"]);
  assert.deepEqual(await described(t, "pairs"), { ...before, timeout: "20s" });
});
