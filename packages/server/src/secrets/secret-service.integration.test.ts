import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { eventually } from "@faas/testing";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** Function that returns the hashes of its variables, and does not load with "bad". */
const bundle = await functionBundle(`
  import { createHash } from "node:crypto";
  if (process.env.TOKEN === "bad") throw new Error("no such token");
  const hash = (text) => text === undefined ? null : createHash("sha256").update(text).digest("hex");
  export const handler = () => ({ TOKEN: hash(process.env.TOKEN), OTHER: hash(process.env.OTHER), pid: process.pid });
`);
const hash = (text: string) => createHash("sha256").update(text).digest("hex");
const server = await testControl();
before(() => server.upload(bundle));

const put = (org: string, name: string, value: unknown) =>
  server.send("PUT", `/-/orgs/${org}/secrets/${name}`, { value });
const artifact = { kind: "bundle", digest: digestOf(bundle) };
const deploy = (org: string, endpoint: string, settings: object) =>
  server.send("PUT", `/-/orgs/${org}/endpoints/${endpoint}`, { artifact, settings });
const view = async (org: string, endpoint: string, revision = "") =>
  (await server.send("GET", `/-/orgs/${org}/endpoints/${endpoint}${revision && `?wait=${revision}&timeout=30s`}`)).body;
const call = async (org: string, endpoint: string) => {
  const answer = await fetch(`${server.url}/${org}/${endpoint}`);
  return { status: answer.status, ...((await answer.json()) as { TOKEN: string; OTHER: string; pid: number }) };
};
const list = async (org: string) => (await server.send("GET", `/-/orgs/${org}/secrets`)).body.secrets;
const files = async (org: string) => (await readdir(join(server.dataDir, "secrets", org)).catch(() => [])).sort();
async function deployed(org: string, endpoint: string, settings: object) {
  const { status, body } = await deploy(org, endpoint, settings);
  assert.ok(status < 300, JSON.stringify(body));
  const { phase, failure } = await view(org, endpoint, body.revision);
  assert.equal(failure, undefined);
  assert.notEqual(phase, "deploying");
  return body.revision as string;
}
test("lists secrets by name with the endpoints that use them; no response has a value", async () => {
  const first = await put("list", "TOKEN", "hunter2");
  assert.equal(first.status, 201);
  assert.deepEqual(Object.keys(first.body).sort(), ["name", "rolls", "setAt"]);
  await put("list", "another", "x");
  await deployed("list", "x", { secrets: { TOKEN: "TOKEN" } });
  const secrets = await list("list");
  assert.deepEqual(
    secrets.map(({ name, endpoints }: { name: string; endpoints: string[] }) => [name, endpoints]),
    [
      ["TOKEN", ["x"]],
      ["another", []],
    ],
  );
  assert.deepEqual(Object.keys(secrets[0]).sort(), ["endpoints", "name", "setAt"]);
  for (const path of ["/-/orgs/list/secrets", "/-/orgs/list", "/-/orgs/list/endpoints/x", "/-/endpoints", "/-/metrics"])
    assert.doesNotMatch(JSON.stringify((await server.send("GET", path)).body), /hunter2/, path);
  assert.equal((await put("list", "TOKEN", "hunter3")).status, 200);
});

test("a function gets a secret in the variables that the settings name", async () => {
  await put("vars", "TOKEN", "one");
  await deployed("vars", "x", { secrets: { TOKEN: "TOKEN", OTHER: "TOKEN" }, env: { PLAIN: "1" } });
  const { TOKEN, OTHER } = await call("vars", "x");
  assert.deepEqual([TOKEN, OTHER], [hash("one"), hash("one")]);
});

test("POST /add_endpoint accepts secrets", async () => {
  await put("original", "TOKEN", "one");
  const image = `bundle@${artifact.digest}`;
  const body = { org: "original", endpoint: "x", image, replicas: 1, secrets: { TOKEN: "TOKEN" } };
  assert.equal((await server.send("POST", "/add_endpoint", body)).status, 201);
  assert.equal((await call("original", "x")).TOKEN, hash("one"));
});

describe("a new value of a secret", () => {
  test("is deployed to the endpoints that use the secret, and to no other, without a failed request", async () => {
    await put("roll", "TOKEN", "one");
    await put("roll", "OTHER", "same");
    await deployed("roll", "x", { secrets: { TOKEN: "TOKEN" }, replicas: 2 });
    await deployed("roll", "y", { secrets: { OTHER: "OTHER" } });
    const y = await call("roll", "y");
    const statuses = new Set<number>();
    let done = false;
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!done) statuses.add((await call("roll", "x")).status);
      }),
    );
    const { body } = await put("roll", "TOKEN", "two");
    assert.deepEqual(
      body.rolls.map(({ endpoint }: { endpoint: string }) => endpoint),
      ["x"],
    );
    assert.equal((await view("roll", "x", body.rolls[0].revision)).revision, body.rolls[0].revision);
    assert.equal((await call("roll", "x")).TOKEN, hash("two"));
    done = true;
    await load;
    assert.deepEqual([...statuses], [200]);
    assert.equal((await call("roll", "y")).pid, y.pid);
  });

  test("replaces the previous one, which is removed when no replica has it", async () => {
    await put("previous", "TOKEN", "one");
    await deployed("previous", "x", { secrets: { TOKEN: "TOKEN" } });
    const before = await files("previous");
    const { body } = await put("previous", "TOKEN", "two");
    await view("previous", "x", body.rolls[0].revision);
    await eventually("one file", async () => (await files("previous")).length === 1);
    assert.notDeepEqual(await files("previous"), before);
  });

  test("with which the function does not load leaves the previous one serving; the next value is deployed", async () => {
    await put("bad", "TOKEN", "one");
    const serving = await deployed("bad", "x", { secrets: { TOKEN: "TOKEN" } });
    const { body } = await put("bad", "TOKEN", "bad");
    const seen = await view("bad", "x", body.rolls[0].revision);
    assert.equal(seen.revision, serving);
    assert.match(seen.failure.detail, /no such token/);
    assert.equal((await call("bad", "x")).TOKEN, hash("one"));
    const again = await put("bad", "TOKEN", "two");
    await view("bad", "x", again.body.rolls[0].revision);
    assert.equal((await call("bad", "x")).TOKEN, hash("two"));
    await eventually("one file", async () => (await files("bad")).length === 1);
  });

  test("starts an endpoint that has never been ready", async () => {
    await put("first", "TOKEN", "bad");
    const { body } = await deploy("first", "x", { secrets: { TOKEN: "TOKEN" } });
    assert.equal((await view("first", "x", body.revision)).phase, "failed");
    const set = await put("first", "TOKEN", "good");
    assert.equal((await view("first", "x", set.body.rolls[0].revision)).phase, "ready");
    assert.equal((await call("first", "x")).TOKEN, hash("good"));
  });

  test("reaches the serving revision also when a deployment without the secret fails meanwhile", async () => {
    await put("meanwhile", "TOKEN", "one");
    await deployed("meanwhile", "x", { secrets: { TOKEN: "TOKEN" } });
    // It fails to load, slowly.
    const slow = await functionBundle("await new Promise((done) => setTimeout(done, 700)); throw new Error('no');");
    await server.upload(slow);
    const path = "/-/orgs/meanwhile/endpoints/x";
    await server.send("PUT", path, {
      artifact: { kind: "bundle", digest: digestOf(slow) },
      settings: { secrets: null },
    });
    assert.deepEqual((await put("meanwhile", "TOKEN", "two")).body.rolls, []);
    await eventually("the new value", async () => (await call("meanwhile", "x")).TOKEN === hash("two"));
  });

  test("set ten times at once: the last one serves, and no other is left", async () => {
    await put("many", "TOKEN", "start");
    await deployed("many", "x", { secrets: { TOKEN: "TOKEN" } });
    await Promise.all(Array.from({ length: 10 }, (_, index) => put("many", "TOKEN", `value-${index}`)));
    const { body } = await put("many", "TOKEN", "end");
    await view("many", "x", body.rolls[0].revision);
    await eventually("the last value", async () => (await call("many", "x")).TOKEN === hash("end"));
    await eventually("one file", async () => (await files("many")).length === 1);
  });

  test("does not change the revision of an equal deployment", async () => {
    await put("again", "TOKEN", "one");
    const settings = { secrets: { TOKEN: "TOKEN" } };
    await deployed("again", "x", settings);
    const { body } = await put("again", "TOKEN", "two");
    const { revision } = body.rolls[0];
    await view("again", "x", revision);
    const again = (await deploy("again", "x", settings)).body;
    assert.deepEqual([again.revision, again.unchanged], [revision, true]);
  });
});

describe("rejects", () => {
  before(async () => {
    await put("refused", "TOKEN", "one");
    await put("refused", "DATABASE_URL", "one");
    await deployed("refused", "x", { secrets: { TOKEN: "TOKEN" } });
    await deployed("refused", "y", { secrets: { OTHER: "TOKEN" } });
  });

  test("a deployment with an unknown secret; the error lists the existing ones, the nearest, and the command", async () => {
    const { status, problem } = await deploy("refused", "z", { secrets: { TOKEN: "TOKENS" } });
    assert.deepEqual([status, problem.code, problem.suggestion], [404, "SECRET_NOT_FOUND", "TOKEN"]);
    assert.match(problem.detail, /refused has DATABASE_URL, TOKEN\. "faas secret set refused TOKENS" creates it/);
    assert.equal((await server.send("GET", "/-/orgs/refused/endpoints/z")).status, 404);
    const none = (await deploy("nothing-yet", "z", { secrets: { TOKEN: "TOKEN" } })).problem;
    assert.match(none.detail, /nothing-yet has none yet/);
    assert.equal((await server.send("GET", "/-/orgs/nothing-yet")).status, 404);
  });

  for (const [what, settings, detail] of [
    ["a variable that is plain as well", { env: { A: "1" }, secrets: { A: "TOKEN" } }, /A is in both/],
    ["a variable that faas sets", { secrets: { FAAS_ORG: "TOKEN" } }, /begin with FAAS_ are set by faas/],
    ["PORT", { secrets: { PORT: "TOKEN" } }, /PORT/],
    ["a value where the name belongs", { secrets: { A: "sk-live-1234" } }, /letters, digits and underscores/],
  ] as const)
    test(`a deployment with ${what}`, async () => {
      const { status, problem } = await deploy("refused", "z", settings);
      assert.deepEqual([status, problem.code], [400, "INVALID_REQUEST"]);
      assert.match(problem.detail, detail);
      assert.doesNotMatch(JSON.stringify(problem), /sk-live/);
    });

  test("the removal of a secret that endpoints use; the error lists them", async () => {
    const { status, problem } = await server.send("DELETE", "/-/orgs/refused/secrets/TOKEN");
    assert.deepEqual([status, problem.code], [409, "SECRET_IN_USE"]);
    assert.match(problem.detail, /used by refused\/x, refused\/y/);
    assert.equal((await call("refused", "x")).TOKEN, hash("one"));
  });

  test("the removal of an unknown secret", async () => {
    for (const name of ["NOTHING", "constructor"]) {
      const { status, problem } = await server.send("DELETE", `/-/orgs/refused/secrets/${name}`);
      assert.deepEqual([status, problem.code], [404, "SECRET_NOT_FOUND"]);
    }
  });

  const canary = "canary-7d1f";
  for (const [what, body, code] of [
    ["invalid JSON", `{"value":"${canary}`, "MALFORMED_JSON"],
    ["a bare word", canary, "MALFORMED_JSON"],
    ["a text", `"${canary}"`, "INVALID_REQUEST"],
    ["a wrong field", `{"valeu":"${canary}"}`, "INVALID_REQUEST"],
    ["an additional field", `{"value":"x","${canary}":1}`, "INVALID_REQUEST"],
    ["a list", `{"value":["${canary}"]}`, "INVALID_REQUEST"],
    ["a NUL", `{"value":"${canary}\\u0000"}`, "INVALID_REQUEST"],
    ["half a character", `{"value":"${canary}\\ud800"}`, "INVALID_REQUEST"],
    ["an empty value", '{"value":""}', "INVALID_REQUEST"],
    ["a value over the limit", JSON.stringify({ value: canary.repeat(6000) }), "INVALID_REQUEST"],
    ["a value over the limit of bodies", JSON.stringify({ value: canary.repeat(200_000) }), "BODY_TOO_LARGE"],
  ] as const)
    test(`a body with ${what}, without repeating it`, async () => {
      const { problem } = await server.send("PUT", "/-/orgs/refused/secrets/TOKEN", body);
      assert.equal(problem.code, code);
      assert.doesNotMatch(JSON.stringify(problem), /canary|7d1f/);
    });

  for (const name of ["a-b", "1A", "A%3Dhunter2", "..%2fx", "x".repeat(129), "__proto__"])
    test(`the name ${name.slice(0, 20)}`, async () => {
      const { status, problem } = await put("refused", name, "x");
      assert.equal(status, 400);
      assert.doesNotMatch(JSON.stringify(problem), /hunter2/);
    });
});

test("the audit trail has no invalid names, which may be values", async () => {
  await put("audited", "A%3Dhunter2", "x");
  await server.send("DELETE", "/-/orgs/audited/secrets/hunter2-");
  await put("audited", "NAME", "x");
  const trail = String((await server.send("GET", "/-/audit")).body);
  assert.doesNotMatch(trail, /hunter2/);
  assert.match(trail, /"target":"audited\/…"/);
  assert.match(trail, /"action":"PUT \/-\/orgs\/\{org\}\/secrets\/\{name\}","target":"audited\/NAME"/);
});

test("limits an organization to 200 secrets; existing ones can be changed", async () => {
  for (let index = 0; index < 200; index++) assert.equal((await put("crowd", `S${index}`, "x")).status, 201);
  const { status, problem } = await put("crowd", "MORE", "x");
  assert.deepEqual([status, problem.code], [413, "SECRETS_FULL"]);
  assert.equal((await put("crowd", "S7", "y")).status, 200);
  await server.send("DELETE", "/-/orgs/crowd/secrets/S9");
  assert.equal((await put("crowd", "MORE", "x")).status, 201);
});

test("removes an unused secret with its value; it can be set again", async () => {
  await put("gone", "TOKEN", "one");
  await deployed("gone", "x", { secrets: { TOKEN: "TOKEN" } });
  await deployed("gone", "x", { secrets: null });
  assert.equal((await server.send("DELETE", "/-/orgs/gone/secrets/TOKEN")).status, 204);
  assert.deepEqual([await list("gone"), await files("gone")], [[], []]);
  assert.equal((await put("gone", "TOKEN", "two")).status, 201);
  await deployed("gone", "x", { secrets: { TOKEN: "TOKEN" } });
  assert.equal((await call("gone", "x")).TOKEN, hash("two"));
});

test("removes the secrets of an organization with it; a new one under the name has none", async () => {
  await put("twice", "TOKEN", "one");
  await deployed("twice", "x", { secrets: { TOKEN: "TOKEN" } });
  assert.equal((await server.send("DELETE", "/-/orgs/twice")).status, 204);
  assert.ok(!(await readdir(join(server.dataDir, "secrets"))).includes("twice"));
  await server.send("PUT", "/-/orgs/twice");
  assert.deepEqual(await list("twice"), []);
  assert.equal((await deploy("twice", "x", { secrets: { TOKEN: "TOKEN" } })).problem.code, "SECRET_NOT_FOUND");
});

test("rejects either a deployment or the removal of its secret when both come at once", async () => {
  for (let round = 0; round < 20; round++) {
    await put("race", "TOKEN", "one");
    const [created, removed] = await Promise.all([
      deploy("race", `x${round}`, { secrets: { TOKEN: "TOKEN" }, replicas: 0 }),
      server.send("DELETE", "/-/orgs/race/secrets/TOKEN"),
    ]);
    assert.ok((created.status === 201) !== (removed.status === 204), `${created.status} ${removed.status}`);
    await server.send("DELETE", `/-/orgs/race/endpoints/x${round}`);
  }
});

test("reports a lost value to the caller with the command that sets it; setting it again starts the function", async () => {
  await put("lost", "TOKEN", "one");
  await deployed("lost", "x", { secrets: { TOKEN: "TOKEN" }, idleTimeout: "100ms" });
  await eventually("idle", async () => (await view("lost", "x")).phase === "idle");
  const [file = ""] = await files("lost");
  const path = join(server.dataDir, "secrets/lost", file);
  await writeFile(path, (await readFile(path)).subarray(1));
  const answer = await fetch(`${server.url}/lost/x`);
  const problem = (await answer.json()) as { code: string; detail: string };
  assert.deepEqual([answer.status, problem.code], [503, "SECRET_UNAVAILABLE"]);
  assert.match(problem.detail, /"faas secret set lost TOKEN"/);
  const { body } = await put("lost", "TOKEN", "two");
  await view("lost", "x", body.rolls[0].revision);
  assert.equal((await call("lost", "x")).TOKEN, hash("two"));
});
