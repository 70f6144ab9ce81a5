import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointSettings, saveProject } from "../testing/endpoint-settings.ts";
import { testServer } from "../testing/test-server.ts";

/** Triggers as settings of an endpoint: options, faas.json, `faas config` and `faas describe`. */

const server = await testServer();
const CODE = "export const handler = () => 'called';\n";
const { deploy, described } = endpointSettings(server);

test("hooks and subscriptions are set by options and in faas.json, and described with their URLs", async (t) => {
  const folder = await server.source("triggers", CODE);
  await server.run(t, ["secret", "set", "acme", "HOOK"], { input: "hidden" });
  await deploy(t, folder, "triggers", "--hook", "code github HOOK /push", "--subscription", "type=com.example.*");
  const { stdout } = await server.run(t, ["describe", "acme/triggers"]);
  assert.match(stdout, /^hook +code github HOOK \/push$/m);
  assert.ok(stdout.includes(`${server.url}/-/hooks/acme/code\n`), stdout);
  assert.match(stdout, /^subscription +type=com\.example\.\*$/m);
  assert.deepEqual(
    await deploy(t, folder, "triggers", "--unset", "hooks", "--subscription", "source=/a extensions.b=c*"),
    ['hooks "code github HOOK /push" -> (none)', 'subscriptions type=com.example.* -> "source=/a extensions.b=c*"'],
  );
  await saveProject(folder, { hooks: [{ name: "code", provider: "slack", secret: "HOOK" }], subscriptions: [{}] });
  await deploy(t, folder, "triggers");
  const settings = await described(t, "triggers");
  assert.deepEqual(
    [settings.hooks, settings.subscriptions],
    [[{ name: "code", provider: "slack", secret: "HOOK" }], [{}]],
  );
  const config = ["config", "acme/triggers", "hooks=a token HOOK;b github HOOK", "subscriptions=type=a;source=b"];
  const changed = await server.run(t, config);
  assert.equal(changed.code, 0, changed.stderr);
  assert.match(changed.stdout, /hooks .*"a token HOOK, b github HOOK"|hooks .*a token HOOK.*b github HOOK/);
});

test("a source is rejected by a server whose queue is in its data folder, with the option that it needs", async (t) => {
  const folder = await server.source("sources", CODE);
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "sources", "--source", "subject=acme.a"];
  const { code, stderr } = await server.run(t, argv);
  assert.notEqual(code, 0);
  assert.match(stderr, /queue is on NATS.*--queue nats:\/\/HOST:PORT \(SOURCE_UNSUPPORTED\)/);
});

for (const [option, value, message] of [
  ["--hook", "code github", /a name, a provider/],
  ["--hook", "code gitlab HOOK", /github/],
  ["--subscription", "kind=a", /type=, source=/],
  ["--subscription", "type=a*b", /beginning of values/],
  ["--source", "topic=a", /stream=, subject=/],
  ["--source", "subject=a.>.b", /NATS subject/],
  ["--source", "path=/a", /a "subject" or a "stream"/],
] as const)
  test(`an invalid ${option} "${value}" is rejected with what was expected`, async (t) => {
    const { code, stderr } = await server.run(t, ["deploy", ".", "--org", "acme", "--endpoint", "x", option, value]);
    assert.notEqual(code, 0);
    assert.match(stderr, message);
  });
