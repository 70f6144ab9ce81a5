import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { exitOf, type Language, start, wrapperContract } from "./contract.ts";

const node: Language = {
  name: "Node",
  wrapper: join(import.meta.dirname, "../../templates/node/.interface.mjs"),
  command: [process.execPath],
  file: "index.mjs",
  main: `
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
let now = 0;
let most = 0;
export const other = () => "other";
export async function handler(event, context) {
  switch (event.path.split("/")[1]) {
    case "echo": return event;
    case "text": return "hello ü";
    case "bytes": return Uint8Array.from({ length: 256 }, (_, i) => i);
    case "nothing": return;
    case "object": return { a: 1 };
    case "list": return [1, 2];
    case "number": return 7;
    case "exact": return { status: 201, headers: { "X-A": ["1", "2"] }, body: "made" };
    case "status-text": return { status: "open" };
    case "digest": return createHash("sha256").update(event.body).digest("hex");
    case "throw": throw new Error("boom");
    case "invalid": return () => 1;
    case "stream": return (async function* () {
      yield "one";
      while (!existsSync(event.query.gate)) await sleep(5);
      yield "two";
      yield Buffer.from("three");
    })();
    case "stream-throw": return (async function* () { yield "one"; await sleep(20); throw new Error("later"); })();
    case "slow": console.log("slowly"); return sleep(30_000);
    case "count": {
      console.log("counting");
      most = Math.max(most, ++now);
      await sleep(50);
      now--;
      return String(most);
    }
    case "print": console.log("a line, ü"); return;
    case "context": return { org: context.org, endpoint: context.endpoint, revision: context.revision, requestId: context.requestId };
  }
}
`,
  syntaxError: { text: "export const a = 1;\nexport function handler( {\n", line: 3 },
  loadError: { text: 'const a = 1;\nthrow new Error("no luck");\n', line: 2 },
  noHandler: "export const nothing = 1;\n",
  notCallable: "export const handler = 5;\n",
};

wrapperContract(node);

test("exits after answering calls that hold every slot beyond their deadline", async () => {
  await using wrapper = await start(node, node.main, { FAAS_TIMEOUT_MS: "200", FAAS_CONCURRENCY: "2" });
  const answers = await Promise.all([wrapper.call("/slow"), wrapper.call("/slow")]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [504, 504],
  );
  assert.equal(await exitOf(wrapper.child), 1);
  assert.match(wrapper.output(), /held by calls beyond their deadline/);
});

test("all output is passed on when the function ends its process", async () => {
  const main = `export function handler() { process.stdout.write("x".repeat(2 ** 20) + "the end"); process.exit(7); }`;
  await using wrapper = await start(node, main);
  await assert.rejects(wrapper.call("/"));
  assert.equal(await exitOf(wrapper.child), 7);
  assert.match(wrapper.output(), /the end/);
});

for (const [main, name] of [
  ["lib/server", "lib/server.cjs"],
  ["./lib", "lib/index.js"],
  ["dist/server.js", "dist/server.mjs"],
  ["gone.js", "src/index.js"],
] as const)
  test(`main "${main}" finds ${name}`, async () => {
    const text = name.endsWith(".mjs") ? "export const handler = () => 1;" : "exports.handler = () => 1;";
    const files = { "package.json": JSON.stringify({ main }) };
    await using wrapper = await start({ ...node, file: name }, text, {}, { files });
    assert.equal((await wrapper.call("/")).text, "1");
  });

test("a default export that was compiled to CommonJS is the handler", async () => {
  const text = "exports.__esModule = true; exports.default = () => 1;";
  await using wrapper = await start({ ...node, file: "index.cjs" }, text);
  assert.equal((await wrapper.call("/")).text, "1");
});

test("a call does not load the classes of the web, which take longer than the rest of a first call", async () => {
  const text =
    "export const handler = () => ({ loaded: process.moduleLoadList.filter((name) => /undici/.test(name)) });";
  await using wrapper = await start(node, text);
  assert.deepEqual((await wrapper.call("/")).json(), { loaded: [] });
  assert.deepEqual((await wrapper.call("/")).json(), { loaded: [] });
});

for (const [name, text] of [
  ["index.mjs", 'import "@team/gone/sub.js"; export const handler = () => 1;'],
  ["index.cjs", 'require("@team/gone/sub.js");'],
] as const)
  test(`the error for a package that ${name} needs and that is not installed says where to add it`, async () => {
    await using wrapper = await start({ ...node, file: name }, text);
    assert.match((await wrapper.call("/")).json().detail, /\. Add "@team\/gone" to "dependencies" in package\.json$/);
  });
