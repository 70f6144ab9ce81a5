import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Ended, FaasProcess, tempDir } from "@faas/testing";
import { commandLinesWith, filesWith, hasTrace, newSecretValue as newValue, tracesOf } from "./secret-traces.ts";

/**
 * Takes a secret's value through its life: set, deployed, called, changed, changed to one that does not start, lost, backed up, restored. Then searches
 * everything that was written on the way.
 */

const NODE = `
  import { createHash } from "node:crypto";
  console.log("started", Object.keys(process.env).includes("TOKEN"));
  if (process.env.TOKEN?.startsWith("bad")) throw new Error("this token does not work");
  export const handler = ({ path }) => {
    if (path === "/throw") throw new Error("on purpose");
    if (path === "/exit") process.exit(3);
    return createHash("sha256").update(process.env.TOKEN).digest("hex");
  };
`;
const PYTHON = `
import hashlib, os
def handler(event, context):
    if event.path == "/throw": raise ValueError("on purpose")
    return hashlib.sha256(os.environ["TOKEN"].encode()).hexdigest()
`;
const sha = (text: string) => createHash("sha256").update(text).digest("hex");

test("a secret's value appears in no file, output, response or command line", { timeout: 240_000 }, async () => {
  const outside = tempDir("secret-values");
  const values = {
    first: newValue("first"),
    second: newValue("second"),
    bad: newValue("bad"),
    third: newValue("third"),
  };
  const traces = Object.values(values).flatMap(tracesOf);
  const texts: string[] = [];
  const seen = new Set<string>();
  const watching = setInterval(() => commandLinesWith(traces).map((line) => seen.add(line)), 50);
  try {
    await using faas = new FaasProcess();
    const run = async (args: readonly string[], input?: string): Promise<Ended> => {
      const ended = await faas.run(["--verbose", ...args], {
        timeoutMs: 60_000,
        ...(input === undefined ? {} : { input }),
      });
      texts.push(ended.stdout, ended.stderr);
      return ended;
    };
    const done = async (args: readonly string[], input?: string) => {
      const ended = await run(args, input);
      assert.equal(ended.code, 0, ended.stderr);
      return ended.stdout;
    };
    let up = await faas.up({ args: ["--log-level", "debug"] });
    const ask = async (path: string, init: RequestInit = {}) => {
      const answer = await fetch(up.url + path, init);
      const text = await answer.text();
      texts.push(JSON.stringify([...answer.headers]), text);
      return text;
    };
    const body = (text: string) => ({ method: "PUT", headers: { "content-type": "application/json" }, body: text });
    const both = ["node", "python"];
    const each = (path = "") => Promise.all(both.map((name) => ask(`/acme/${name}${path}`)));

    // Set, deployed, called: the function gets the value.
    await done(["secret", "set", "acme", "TOKEN"], `${values.first}\n`);
    for (const [name, file, source] of [
      ["node", "index.mjs", NODE],
      ["python", "main.py", PYTHON],
    ] as const) {
      const folder = await faas.source(name, { [file]: source });
      await done(["deploy", folder, "--org", "acme", "--endpoint", name, "--secret", "TOKEN", "--env", "PLAIN=1"]);
    }
    assert.deepEqual(
      await each(),
      both.map(() => sha(values.first)),
    );

    // A function may print the value itself; this shows that traces are found.
    const leaky = await faas.source("leaky", {
      "index.mjs": "console.log(process.env.TOKEN); export const handler = () => 1;",
    });
    await done(["secret", "set", "leaky", "TOKEN"], values.first);
    await done(["deploy", leaky, "--org", "leaky", "--endpoint", "x", "--secret", "TOKEN"]);
    assert.deepEqual(
      (await filesWith(faas.data, traces)).map((path) => path.slice(faas.data.length).split("/").slice(0, 3).join("/")),
      ["/logs/leaky"],
    );
    await done(["org", "remove", "leaky", "--yes"]);

    // Changed, from a file.
    await writeFile(join(outside, "value"), values.second);
    await done(["secret", "set", "acme", "TOKEN", "--from-file", join(outside, "value")]);
    assert.deepEqual(
      await each(),
      both.map(() => sha(values.second)),
    );

    // Errors: of functions, of a value with which the function does not start, of invalid bodies and command lines.
    for (const path of ["/throw", "/exit"]) await each(path);
    assert.equal((await run(["secret", "set", "acme", "TOKEN"], values.bad)).code, 1);
    assert.deepEqual(await each(), [sha(values.second), sha(values.bad)]);
    const json = JSON.stringify(values.third);
    for (const text of [
      `{"value":${json}`,
      `{"valeu":${json}}`,
      `{"value":[${json}]}`,
      `{${json}:1}`,
      json,
      values.third,
    ])
      assert.match(await ask("/-/orgs/acme/secrets/TOKEN", body(text)), /MALFORMED_JSON|INVALID_REQUEST/);
    await ask("/-/orgs/acme/secrets/TOKEN", {
      ...body(`{"value":${json}}`),
      headers: { "content-type": "text/plain" },
    });
    assert.equal((await run(["secret", "set", "acme", "A-B"], values.third)).code, 2);
    assert.equal((await run(["secret", "remove", "acme", "TOKEN"])).code, 1);
    assert.equal((await run(["deploy", leaky, "--org", "acme", "--endpoint", "y", "--secret", "NONE"])).code, 1);

    // Shown.
    for (const args of [
      ["describe", "acme/node", "-o", "json"],
      ["describe", "acme/node"],
      ["list"],
      ["secret", "list", "acme", "-o", "json"],
      ["logs", "acme/node"],
      ["logs", "acme/python"],
      ["invoke", "acme/node", "--timing"],
    ])
      await done(args);
    for (const path of ["/-/metrics", "/-/audit", "/-/endpoints", "/-/orgs", "/-/openapi.json", "/-/config"])
      await ask(path);

    // Backed up as described in docs/operations.md; killed; a value lost; restored.
    const backup = join(outside, "backup.tar");
    execFileSync("tar", [
      "c",
      "-C",
      faas.data,
      "-f",
      backup,
      "state.journal",
      "state.json",
      "secrets",
      "secrets.key",
      "bundles",
    ]);
    texts.push(await readFile(backup, "latin1"));
    await faas.kill(up);
    texts.push(up.stderr());
    const stored = join(faas.data, "secrets/acme");
    for (const file of await readdir(stored))
      await writeFile(join(stored, file), (await readFile(join(stored, file))).subarray(3));
    up = await faas.up({ args: ["--log-level", "debug"] });
    assert.match(await ask("/acme/node"), /SECRET_UNAVAILABLE/);
    await faas.kill(up, "SIGTERM");
    texts.push(up.stderr());
    await rm(faas.data, { recursive: true });
    await mkdir(faas.data);
    execFileSync("tar", ["x", "-C", faas.data, "-f", backup]);
    up = await faas.up({ args: ["--log-level", "debug"] });
    assert.deepEqual(await each(), [sha(values.second), sha(values.bad)]);

    // Only the functions' processes have the value in their environment.
    for (const pid of [up.pid, process.pid])
      assert.ok(!hasTrace(await readFile(`/proc/${pid}/environ`), traces), `environment of ${pid}`);
    const sockets = (await readdir(tmpdir())).filter((name) => /^faas-[0-9a-f]{12}-\d+$/.test(name));
    for (const name of sockets) assert.deepEqual(await filesWith(join(tmpdir(), name), traces), [], name);

    // The data folder before and after the server stops.
    await cp(faas.data, join(outside, "data"), {
      recursive: true,
      filter: (path) => !/\/(?:sockets|control)$/.test(path),
    });
    await faas.kill(up, "SIGTERM");
    texts.push(up.stderr());
    for (const folder of [faas.folder, join(outside, "data")]) assert.deepEqual(await filesWith(folder, traces), []);
    for (const text of texts) assert.ok(!hasTrace(text, traces), text.slice(0, 2000));
    assert.deepEqual([...seen], []);
    assert.ok(texts.join("").includes("this token does not work"), "the error of the function was searched");
  } finally {
    clearInterval(watching);
  }
});
