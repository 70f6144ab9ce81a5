import assert from "node:assert/strict";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { newKey } from "@faas/core";
import { tempDir } from "@faas/testing";
import { type CommandOptions, runHere, startHere } from "../testing/test-cli.ts";

const root = tempDir("login");
let count = 0;
/** Creates a folder that is removed after all tests, when the servers of the tests have stopped. */
async function newFolder(): Promise<string> {
  const folder = join(root, String(count++));
  await mkdir(folder);
  return folder;
}

/** Starts a server that requires keys; returns commands of a user with a home folder. */
async function serverWithKeys(t: TestContext) {
  const folder = await newFolder();
  const data = join(folder, "data");
  const up = startHere(t, ["up", "--auth", "on", "--log-level", "silent", "--port", "0", "--data", data], {
    cwd: folder,
  });
  const [url] = await up.printed(/^http:\S+(?=\n)/m);
  const [admin] = await up.printed(/faas_admin_\w+/);
  const run = (argv: readonly string[], more: Partial<CommandOptions> = {}) =>
    runHere(t, argv, { cwd: folder, ...more, env: { FAAS_SERVER: url, XDG_CONFIG_HOME: folder, ...more.env } });
  const done = async (argv: readonly string[], more?: Partial<CommandOptions>) => {
    const ended = await run(argv, more);
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  };
  const stop = async () => {
    up.interrupt();
    await up.ended;
  };
  return { folder, data, url, admin, run, done, stop, credentials: join(folder, "faas/credentials.json"), up };
}

const code = "export const handler = ({ headers }) => ({ authorization: headers.authorization ?? null });\n";

/** Logs the admin in, creates two organizations and a deploy key of the first, and deploys `acme/hello` with that key. */
async function serverWithCiKey(t: TestContext) {
  const server = await serverWithKeys(t);
  const { folder, admin, done } = server;
  await done(["login"], { typed: `${admin}\n` });
  for (const org of ["acme", "globex"]) await done(["org", "create", org]);
  const create = ["key", "create", "acme", "--scope", "deploy", "--name", "ci", "--expires", "90d"];
  const created = await done(create);
  assert.match(created.stdout, /^faas_deploy_\w+\n$/);
  assert.match(created.stderr, /"ci": deploy for acme, until 20.*not shown again/);
  const ci = { env: { FAAS_TOKEN: created.stdout.trim() } };
  await mkdir(join(folder, "hello"));
  await writeFile(join(folder, "hello/index.mjs"), code);
  await done(["deploy", "hello", "--org", "acme", "--endpoint", "hello"], ci);
  return { ...server, ci };
}

test("login saves the admin key of the first start for this user alone, and logout deletes it", async (t) => {
  const { folder, url, admin, run, done, credentials, up } = await serverWithKeys(t);
  assert.match(up.stderr(), new RegExp(`not shown again:\\n +${admin}\\n +faas login --server ${url}`));

  const refused = await run(["list"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Expected a key, got none.*\(UNAUTHENTICATED\)\n.*faas login/);

  const login = await done(["login"], { typed: `${admin}\n` });
  assert.match(login.stderr, new RegExp(`Key for ${url}.*Logged in to ${url} as "first" \\(admin\\)`, "s"));
  assert.ok(!login.stderr.includes(admin), "the typed key is hidden");
  assert.equal((await stat(credentials)).mode & 0o777, 0o600);
  assert.equal((await stat(join(folder, "faas"))).mode & 0o777, 0o700);

  await done(["list"]);
  await done(["logout"]);
  assert.equal((await run(["list"])).code, 1);
  assert.deepEqual(JSON.parse(await readFile(credentials, "utf8")), { servers: {} });
});

test("a deploy key deploys, calls and lists in its organization, and in no other", async (t) => {
  const { run, done, ci } = await serverWithCiKey(t);
  assert.equal((await done(["invoke", "acme/hello"], ci)).stdout, '{"authorization":null}');
  // The Authorization header is the function's; the key is sent in another one.
  const own = await done(["invoke", "acme/hello", "-H", "Authorization: Basic x"], ci);
  assert.equal(own.stdout, '{"authorization":"Basic x"}');
  assert.match((await done(["bench", "acme/hello", "--threads", "1", "--iterations", "3"], ci)).stdout, /3/);
  assert.match((await done(["org", "list"], ci)).stdout, /^ORG .*\nacme +1 +\S+\n$/);
  assert.match((await done(["list"], ci)).stdout, /acme +hello/);

  const elsewhere = await run(["deploy", "hello", "--org", "globex", "--endpoint", "hello"], ci);
  assert.match(elsewhere.stderr, /There is no organization "globex".*ORG_NOT_FOUND/);
  const more = await run(["key", "list", "acme"], ci);
  assert.match(more.stderr, /Expected a key with the scope admin, got "ci" with deploy for acme.*FORBIDDEN/);
});

test("key revoke rejects the key from the next request on", async (t) => {
  const { run, done, ci } = await serverWithCiKey(t);
  const listed = await done(["key", "list", "acme"]);
  const [, id = ""] = /^(\w+) +ci +deploy +\S+ \S+ +\S+ \S+ +20/m.exec(listed.stdout) ?? [];
  await done(["key", "revoke", "acme", id]);
  const gone = await run(["list"], ci);
  assert.match(gone.stderr, /The key is not valid: it was revoked.*UNAUTHENTICATED/);
});

test("the --org of the key commands still works and reports that it is deprecated", async (t) => {
  const { done } = await serverWithCiKey(t);
  const owner = ["--org", "acme"];
  const created = await done(["key", "create", ...owner, "--scope", "read", "--output", "json"]);
  const { id } = JSON.parse(created.stdout);
  const listed = await done(["key", "list", ...owner]);
  assert.match(listed.stdout, new RegExp(`^${id} `, "m"));
  const revoked = await done(["key", "revoke", id, ...owner]);
  for (const { stderr } of [created, listed, revoked]) assert.match(stderr, /^warning: --org is deprecated here/m);
  assert.doesNotMatch((await done(["key", "ls", "acme"])).stdout, new RegExp(id));
});

test("key rejects two owners, and none", async (t) => {
  for (const [argv, expected] of [
    [["key", "list", "acme", "--org", "globex"], /Expected one organization, got "acme" and --org globex/],
    [["key", "list", "acme", "--admin"], /Expected an organization or --admin, got "acme" and --admin/],
    [["key", "list"], /Expected an organization, or --admin for the whole server/],
    [["key", "revoke", "k1"], /Expected an organization, or --admin/],
    [["key", "revoke"], /Expected the id of a key/],
  ] as const) {
    const { code, stderr } = await runHere(t, argv, { cwd: root, env: { FAAS_SERVER: "http://127.0.0.1:1" } });
    assert.equal(code, 2);
    assert.match(stderr, expected);
  }
});

test("whoami shows the key, also as JSON, or that none is required", async (t) => {
  const { url, done, ci, up, data } = await serverWithCiKey(t);
  const { stdout } = await done(["whoami"], ci);
  assert.match(stdout, new RegExp(`^server +${url}\nkey +ci\nscope +deploy\norganization +acme\nexpires +20\\S+Z\n$`));
  const { auth, name } = JSON.parse((await done(["whoami", "-o", "json"], ci)).stdout);
  assert.deepEqual([auth, name], ["key", "ci"]);
  up.interrupt();
  await up.ended;
  const open = startHere(t, ["up", "--auth", "off", "--log-level", "silent", "--port", "0", "--data", data], {
    cwd: root,
  });
  const [server = ""] = await open.printed(/^http:\S+(?=\n)/m);
  assert.match((await done(["whoami", "--server", server])).stdout, /^server +http:\S+\nkey +not required\n$/);
});

test("a public endpoint needs no key, and a removed organization is not listed", async (t) => {
  const { url, done } = await serverWithCiKey(t);
  await done(["deploy", "hello", "--org", "acme", "--endpoint", "hello", "--visibility", "public"]);
  assert.equal((await fetch(`${url}/acme/hello`)).status, 200);
  await done(["org", "remove", "globex", "--yes"]);
  assert.doesNotMatch((await done(["org", "list"])).stdout, /globex/);
});

test("login does not save a malformed key, or the key of another server", async (t) => {
  const { admin, run } = await serverWithKeys(t);
  for (const [input, expected, exit] of [
    ["hello\n", /Expected a complete key as "faas key create" prints it.*USAGE/, 2],
    [`${admin.slice(0, -1)}\n`, /Expected a complete key/, 2],
    ["\n", /Expected a key on standard input, got nothing/, 2],
    [`${newKey("admin").token}\n`, /The key is not valid.*UNAUTHENTICATED/, 1],
  ] as const) {
    const { code, stderr } = await run(["login", "--token-stdin"], { input });
    assert.equal(code, exit);
    assert.match(stderr, expected);
    assert.equal((await run(["list"])).code, 1);
  }
  assert.match((await run(["login"], { input: admin })).stderr, /--token-stdin/);
});

test("key create --data replaces a lost admin key while the server is stopped", async (t) => {
  const { folder, data, run, done, stop } = await serverWithKeys(t);
  const create = ["key", "create", "--admin", "--data", data];
  assert.match((await run(create)).stderr, /STATE_LOCKED/);
  await stop();
  const token = (await done(create)).stdout.trim();
  const again = startHere(t, ["up", "--auth", "on", "--log-level", "silent", "--port", "0", "--data", data], {
    cwd: folder,
  });
  const [url] = await again.printed(/^http:\S+(?=\n)/m);
  assert.doesNotMatch(again.stderr(), /faas_admin/);
  const listed = await done(["key", "list", "--admin"], { env: { FAAS_TOKEN: token, FAAS_SERVER: url } });
  assert.match(listed.stdout, /first +admin[\s\S]*recovered +admin/);
});

test("up --detach shows the admin key, and does not log it", async (t) => {
  const folder = await newFolder();
  const data = join(folder, "data");
  t.after(() => runHere(t, ["down", "--data", data], { cwd: folder }));
  const up = ["up", "--detach", "--port", "0", "--data", data];
  const { code, stderr } = await runHere(t, [...up, "--auth", "on"], { cwd: folder });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /faas_admin_\w{40,}/);
  assert.doesNotMatch(await readFile(join(data, "server.log"), "utf8"), /faas_admin/);
});

test("up on a public address requires keys by default, and warns without them", async (t) => {
  const folder = await newFolder();
  const up = ["up", "--host", "0.0.0.0", "--log-level", "silent", "--port", "0", "--data", join(folder, "data")];
  for (const [flags, status] of [
    [[], 401],
    [["--auth", "off"], 200],
    [["--auth", "off"], 200],
  ] as const) {
    const server = startHere(t, [...up, ...flags], { cwd: folder });
    const [url] = await server.printed(/^http:\S+(?=\n)/m);
    assert.equal((await fetch(`${url}/-/orgs`)).status, status);
    await server.printed(status === 200 ? /warning:.* keys are not required/ : /faas_admin_/);
    server.interrupt();
    await server.ended;
  }
});

test("FAAS_TOKEN is not sent to a server that only a faas.json names", async (t) => {
  const folder = await newFolder();
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.setHeader("content-type", "application/json").end('{"endpoints":[]}');
  }).listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await writeFile(join(folder, "faas.json"), JSON.stringify({ server: url }));
  const env = { FAAS_TOKEN: newKey("deploy").token, XDG_CONFIG_HOME: folder };
  for (const argv of [["list"], ["list", "--server", url]])
    assert.equal((await runHere(t, argv, { cwd: folder, env })).code, 0);
  assert.deepEqual(seen, [undefined, `Bearer ${env.FAAS_TOKEN}`]);
});
