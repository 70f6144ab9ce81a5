import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** Answers with the hash of what it finds in its variables, and does not load with "bad". */
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
async function until(what: string, condition: () => Promise<boolean>) {
  for (const limit = performance.now() + 15_000; !(await condition()); await new Promise(setImmediate))
    assert.ok(performance.now() < limit, `not within 15 s: ${what}`);
}

test("a secret is listed by name, with who uses it, and its value is in no answer", async () => {
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

test("the function finds it in the variable of its name, or of another", async () => {
  await put("vars", "TOKEN", "one");
  await deployed("vars", "x", { secrets: { TOKEN: "TOKEN", OTHER: "TOKEN" }, env: { PLAIN: "1" } });
  const { TOKEN, OTHER } = await call("vars", "x");
  assert.deepEqual([TOKEN, OTHER], [hash("one"), hash("one")]);
});

test("as the original system registers, secrets may stand beside", async () => {
  await put("original", "TOKEN", "one");
  const image = `bundle@${artifact.digest}`;
  const body = { org: "original", endpoint: "x", image, replicas: 1, secrets: { TOKEN: "TOKEN" } };
  assert.equal((await server.send("POST", "/add_endpoint", body)).status, 201);
  assert.equal((await call("original", "x")).TOKEN, hash("one"));
});

describe("a value that is set anew", () => {
  test("is deployed to those who use it, and to nobody else, without a failed request", async () => {
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

  test("and the former one is taken away when nobody has it any more", async () => {
    await put("former", "TOKEN", "one");
    await deployed("former", "x", { secrets: { TOKEN: "TOKEN" } });
    const before = await files("former");
    const { body } = await put("former", "TOKEN", "two");
    await view("former", "x", body.rolls[0].revision);
    await until("one file", async () => (await files("former")).length === 1);
    assert.notDeepEqual(await files("former"), before);
  });

  test("with which nothing runs leaves the former one serving, and says why; the next one mends it", async () => {
    await put("bad", "TOKEN", "one");
    const former = await deployed("bad", "x", { secrets: { TOKEN: "TOKEN" } });
    const { body } = await put("bad", "TOKEN", "bad");
    const seen = await view("bad", "x", body.rolls[0].revision);
    assert.equal(seen.revision, former);
    assert.match(seen.failure.detail, /no such token/);
    assert.equal((await call("bad", "x")).TOKEN, hash("one"));
    const again = await put("bad", "TOKEN", "two");
    await view("bad", "x", again.body.rolls[0].revision);
    assert.equal((await call("bad", "x")).TOKEN, hash("two"));
    await until("one file", async () => (await files("bad")).length === 1);
  });

  test("mends an endpoint that never answered", async () => {
    await put("first", "TOKEN", "bad");
    const { body } = await deploy("first", "x", { secrets: { TOKEN: "TOKEN" } });
    assert.equal((await view("first", "x", body.revision)).phase, "failed");
    const set = await put("first", "TOKEN", "good");
    assert.equal((await view("first", "x", set.body.rolls[0].revision)).phase, "ready");
    assert.equal((await call("first", "x")).TOKEN, hash("good"));
  });

  test("reaches who serves also when a deployment that has no use for it fails meanwhile", async () => {
    await put("meanwhile", "TOKEN", "one");
    await deployed("meanwhile", "x", { secrets: { TOKEN: "TOKEN" } });
    // It does not load, and takes its time for it.
    const slow = await functionBundle("await new Promise((done) => setTimeout(done, 700)); throw new Error('no');");
    await server.upload(slow);
    const path = "/-/orgs/meanwhile/endpoints/x";
    await server.send("PUT", path, { artifact: { kind: "bundle", digest: digestOf(slow) } });
    assert.deepEqual((await put("meanwhile", "TOKEN", "two")).body.rolls, []);
    await until("the new value", async () => (await call("meanwhile", "x")).TOKEN === hash("two"));
  });

  test("ten times at once: the last one that was taken is the one that serves, and nothing else is left", async () => {
    await put("many", "TOKEN", "start");
    await deployed("many", "x", { secrets: { TOKEN: "TOKEN" } });
    await Promise.all(Array.from({ length: 10 }, (_, index) => put("many", "TOKEN", `value-${index}`)));
    const { body } = await put("many", "TOKEN", "end");
    await view("many", "x", body.rolls[0].revision);
    await until("the last value", async () => (await call("many", "x")).TOKEN === hash("end"));
    await until("one file", async () => (await files("many")).length === 1);
  });

  test("the same deployment again is unchanged", async () => {
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

describe("what is refused", () => {
  before(async () => {
    await put("refused", "TOKEN", "one");
    await put("refused", "DATABASE_URL", "one");
    await deployed("refused", "x", { secrets: { TOKEN: "TOKEN" } });
    await deployed("refused", "y", { secrets: { OTHER: "TOKEN" } });
  });

  test("a deployment with a secret that is not there: which there are, which is near, and how to make it", async () => {
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

  test("removing a secret that is used: by whom", async () => {
    const { status, problem } = await server.send("DELETE", "/-/orgs/refused/secrets/TOKEN");
    assert.deepEqual([status, problem.code], [409, "SECRET_IN_USE"]);
    assert.match(problem.detail, /used by refused\/x, refused\/y/);
    assert.equal((await call("refused", "x")).TOKEN, hash("one"));
  });

  test("removing one that is not there", async () => {
    for (const name of ["NOTHING", "constructor"]) {
      const { status, problem } = await server.send("DELETE", `/-/orgs/refused/secrets/${name}`);
      assert.deepEqual([status, problem.code], [404, "SECRET_NOT_FOUND"]);
    }
  });

  const canary = "canary-7d1f";
  for (const [what, body, code] of [
    ["no JSON", `{"value":"${canary}`, "MALFORMED_JSON"],
    ["a bare word", canary, "MALFORMED_JSON"],
    ["a text", `"${canary}"`, "INVALID_REQUEST"],
    ["another field", `{"valeu":"${canary}"}`, "INVALID_REQUEST"],
    ["one field more", `{"value":"x","${canary}":1}`, "INVALID_REQUEST"],
    ["a list", `{"value":["${canary}"]}`, "INVALID_REQUEST"],
    ["a NUL", `{"value":"${canary}\\u0000"}`, "INVALID_REQUEST"],
    ["half a character", `{"value":"${canary}\\ud800"}`, "INVALID_REQUEST"],
    ["nothing", '{"value":""}', "INVALID_REQUEST"],
    ["too much", JSON.stringify({ value: canary.repeat(6000) }), "INVALID_REQUEST"],
    ["far too much", JSON.stringify({ value: canary.repeat(200_000) }), "BODY_TOO_LARGE"],
  ] as const)
    test(`a body with ${what}, and it is not repeated`, async () => {
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

test("what stands in the place of a name is not in the audit trail, unless it is one", async () => {
  await put("audited", "A%3Dhunter2", "x");
  await server.send("DELETE", "/-/orgs/audited/secrets/hunter2-");
  await put("audited", "NAME", "x");
  const trail = String((await server.send("GET", "/-/audit")).body);
  assert.doesNotMatch(trail, /hunter2/);
  assert.match(trail, /"target":"audited\/…"/);
  assert.match(trail, /"action":"PUT \/-\/orgs\/\{org\}\/secrets\/\{name\}","target":"audited\/NAME"/);
});

test("an organization has 200 secrets at most; those that it has can be changed", async () => {
  for (let index = 0; index < 200; index++) assert.equal((await put("crowd", `S${index}`, "x")).status, 201);
  const { status, problem } = await put("crowd", "MORE", "x");
  assert.deepEqual([status, problem.code], [413, "SECRETS_FULL"]);
  assert.equal((await put("crowd", "S7", "y")).status, 200);
  await server.send("DELETE", "/-/orgs/crowd/secrets/S9");
  assert.equal((await put("crowd", "MORE", "x")).status, 201);
});

test("a secret that is used no more is removed with its value, and may come again", async () => {
  await put("gone", "TOKEN", "one");
  await deployed("gone", "x", { secrets: { TOKEN: "TOKEN" } });
  await deployed("gone", "x", {});
  assert.equal((await server.send("DELETE", "/-/orgs/gone/secrets/TOKEN")).status, 204);
  assert.deepEqual([await list("gone"), await files("gone")], [[], []]);
  assert.equal((await put("gone", "TOKEN", "two")).status, 201);
  await deployed("gone", "x", { secrets: { TOKEN: "TOKEN" } });
  assert.equal((await call("gone", "x")).TOKEN, hash("two"));
});

test("an organization goes with its secrets, and one that is made again under the name starts without", async () => {
  await put("twice", "TOKEN", "one");
  await deployed("twice", "x", { secrets: { TOKEN: "TOKEN" } });
  assert.equal((await server.send("DELETE", "/-/orgs/twice")).status, 204);
  assert.ok(!(await readdir(join(server.dataDir, "secrets"))).includes("twice"));
  await server.send("PUT", "/-/orgs/twice");
  assert.deepEqual(await list("twice"), []);
  assert.equal((await deploy("twice", "x", { secrets: { TOKEN: "TOKEN" } })).problem.code, "SECRET_NOT_FOUND");
});

test("a deployment and the removal of its secret at once: one of them is refused", async () => {
  for (let round = 0; round < 20; round++) {
    await put("race", "TOKEN", "one");
    const [made, removed] = await Promise.all([
      deploy("race", `x${round}`, { secrets: { TOKEN: "TOKEN" }, replicas: 0 }),
      server.send("DELETE", "/-/orgs/race/secrets/TOKEN"),
    ]);
    assert.ok((made.status === 201) !== (removed.status === 204), `${made.status} ${removed.status}`);
    await server.send("DELETE", `/-/orgs/race/endpoints/x${round}`);
  }
});

test("a value that was lost is told to who calls, with what to do, and setting it again mends it", async () => {
  await put("lost", "TOKEN", "one");
  await deployed("lost", "x", { secrets: { TOKEN: "TOKEN" }, idleTimeout: "100ms" });
  await until("idle", async () => (await view("lost", "x")).phase === "idle");
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
