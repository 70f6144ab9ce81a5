import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually, FaasProcess } from "@faas/testing";
import { ServerUnderTest } from "../platform/server-under-test.ts";

const hello = (text: string) =>
  `export const handler = (event) => { console.log("called"); return event.body ?? "${text}"; };\n`;

describe("processes of faas", () => {
  const faas = new FaasProcess();
  const { env, folder } = faas;
  let under: ServerUnderTest;
  const run = (args: string[]) => faas.run(args);
  // The other commands run in this process, which costs less.
  const here = (...argv: string[]) => under.run(...argv);

  before(async () => {
    under = await ServerUnderTest.start({}, faas);
  });
  after(() => faas[Symbol.asyncDispose]());

  test("a second server on the same data folder fails, and names the address of the first", async () => {
    const { code, stderr } = await run(["up", "--port", "0"]);
    assert.equal(code, 1);
    assert.ok(stderr.includes(env.FAAS_SERVER as string), stderr);
    assert.match(stderr, /STATE_LOCKED/);
  });

  test("a port in use fails, and the message names --port", async () => {
    const { code, stderr } = await run([
      "up",
      "--data",
      join(folder, "other"),
      "--port",
      new URL(env.FAAS_SERVER as string).port,
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /--port[\s\S]*PORT_IN_USE/);
  });

  test("a deployed endpoint survives kill -9 of the server", async () => {
    await under.deploy("survivor", { "index.mjs": hello("alive") });
    await faas.kill(under.server);
    under = await ServerUnderTest.start({}, faas);
    assert.equal(await under.text("survivor"), "alive");
  });

  test("a damaged state file stops the start, which names the backup and leaves the file unchanged", async () => {
    const other = join(folder, "damaged");
    await mkdir(other);
    await writeFile(join(other, "state.json"), '{"version":1,"organiz');
    const { code, stderr } = await run(["up", "--port", "0", "--data", other]);
    assert.equal(code, 1);
    assert.match(stderr, /state\.json\.backup[\s\S]*STATE_DAMAGED/);
    assert.equal(await readFile(join(other, "state.json"), "utf8"), '{"version":1,"organiz');
  });

  test("up --detach starts a server in the background, and down ends it", async () => {
    const other = join(folder, "detached");
    const { code, stdout } = await run(["up", "--detach", "--port", "0", "--data", other]);
    assert.equal(code, 0);
    assert.equal((await fetch(`${stdout.trim()}/-/readyz`)).status, 200);
    assert.equal((await run(["down", "--data", other])).code, 0);
    await assert.rejects(fetch(`${stdout.trim()}/-/readyz`));
    assert.equal((await run(["down", "--data", other])).code, 1);
  });

  test("logs --follow prints new lines, and ends with 130 on Ctrl-C", async () => {
    await under.deploy("followed", { "index.mjs": hello("x") });
    const logs = faas.start(["logs", "acme/followed", "--follow"]);
    assert.equal(await under.text("followed"), "x");
    await logs.printed(/called/);
    logs.interrupt();
    assert.equal((await logs.ended).code, 130);
  });

  for (const runtime of ["node", "typescript", "python"]) {
    test(`init writes a ${runtime} function that can be deployed`, async () => {
      const name = `new-${runtime}`;
      assert.equal((await run(["init", name, "--runtime", runtime])).code, 0);
      const { code, stderr } = await run(["deploy", name]);
      assert.equal(code, 0, stderr);
      assert.equal((await here("invoke", `demo/${name}`, "--data", '{"name":"you"}')).stdout, '{"hello":"you"}');
      assert.match((await here("init", name, "--runtime", runtime)).stderr, /FILES_EXIST/);
    });
  }

  test("dev serves new code after a save, and keeps serving after an error", async () => {
    const path = await faas.source("developed", { "index.mjs": hello("before") });
    const dev = faas.start(["dev", path, "--port", "0"]);
    try {
      const [url] = await dev.printed(/^http\S+(?=\n)/m);
      const answers = (text: string) =>
        eventually(`the response "${text}"`, async () => {
          const found = await (await fetch(url)).text();
          if (found !== text) throw new Error(`got ${found}; stderr: ${dev.stderr()}`);
          return true;
        });
      await answers("before");
      await writeFile(join(path, "index.mjs"), hello("after"));
      await answers("after");
      await writeFile(join(path, "index.mjs"), "export const handler = (;");
      await dev.printed(/index\.mjs:1: SyntaxError/);
      await answers("after");
      await writeFile(join(path, "index.mjs"), hello("fixed"));
      await answers("fixed");
    } finally {
      dev.interrupt();
      assert.equal((await dev.ended).code, 130);
    }
  });
});
