import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import type { EndpointView } from "@faas/core";
import { type Ended, FaasProcess } from "@faas/testing";
import { registry, uniqueName } from "../cluster.ts";
import { eventuallyHolds } from "../eventually.ts";

/** The built `faas` and a control server on the cluster, as for a user. Each test builds on the previous one. */

const org = uniqueName("e2e");
const faas = new FaasProcess();
after(async () => {
  await faas.run(["remove", org, "--all", "--yes"]);
  await faas[Symbol.asyncDispose]();
});
const { url } = await faas.up({
  args: ["--platform", "kubernetes", "--registry-push", registry.push, "--registry-pull", registry.pull],
});

async function done(...args: string[]): Promise<Ended> {
  const ended = await faas.run(args);
  assert.equal(ended.code, 0, ended.stderr);
  return ended;
}
const deploy = (dir: string, endpoint: string, ...more: string[]) =>
  done("deploy", dir, "--org", org, "--endpoint", endpoint, ...more);
const view = async (endpoint: string) =>
  JSON.parse((await done("describe", `${org}/${endpoint}`, "--output", "json")).stdout) as EndpointView;

test("a deployed Node function answers, and its output is in the logs", async () => {
  const dir = await faas.source("hello", {
    "index.mjs":
      "export const handler = ({ body }, { log }) => { log.info('greeting'); console.log('said hello'); return { hello: body?.name ?? 'world' }; };\n",
  });
  const { stdout } = await deploy(dir, "hello");
  assert.equal(stdout, `${url}/${org}/hello\n`);
  assert.equal((await done("invoke", `${org}/hello`, "--data", '{"name":"you"}')).stdout, '{"hello":"you"}');
  await eventuallyHolds(
    "the line",
    async () => (await done("logs", `${org}/hello`)).stdout,
    (lines) => lines.includes("said hello"),
  );
});

test("a TypeScript function that throws shows the line of its source", async () => {
  const dir = await faas.source("typed", {
    "index.ts":
      'interface Event { path: string }\nexport function handler(event: Event): string {\n  throw new Error("no " + event.path);\n}\n',
  });
  await deploy(dir, "typed");
  const { code, stderr } = await faas.run(["invoke", `${org}/typed/x`]);
  assert.equal(code, 1);
  assert.match(stderr, /no \/x/);
  await eventuallyHolds(
    "the stack",
    async () => (await done("logs", `${org}/typed`)).stdout,
    (lines) => /index\.ts:3/.test(lines),
  );
});

test("a deployed Python function with numpy answers", async () => {
  await deploy(join(import.meta.dirname, "../../../templates/python/demo-invert"), "invert");
  const { stdout } = await done("invoke", `${org}/invert`, "--data", '{"size":100}');
  assert.equal(JSON.parse(stdout).size, 100);
});

test("describe shows the CPU limit of each replica", async () => {
  await eventuallyHolds(
    "a limit of 100m",
    () => view("invert"),
    ({ replicas }) => replicas.length === 1 && replicas[0]?.cpuMillis === 100,
  );
  assert.match((await done("describe", `${org}/invert`)).stdout, /CPU LIMIT[\s\S]*100m/);
});

test("a change is rolled out, but not one that does not load, which is reported", async () => {
  const dir = join(faas.folder, "hello");
  await writeFile(join(dir, "index.mjs"), "export const handler = () => 'changed';\n");
  await deploy(dir, "hello");
  assert.equal((await done("invoke", `${org}/hello`)).stdout, "changed");
  await writeFile(join(dir, "index.mjs"), "export const handler = () => 'worse';\nnull.x;\n");
  const { code, stderr } = await faas.run(["deploy", dir, "--org", org, "--endpoint", "hello"]);
  assert.equal(code, 1);
  assert.match(stderr, /index\.mjs:2: TypeError[\s\S]*still serves/);
  assert.equal((await done("invoke", `${org}/hello`)).stdout, "changed");
});

test("list shows all endpoints, and remove --all deletes them with their namespace", async () => {
  const { stdout } = await done("list", org);
  for (const endpoint of ["hello", "typed", "invert"]) assert.match(stdout, new RegExp(`${org}/${endpoint}`));
  await done("remove", org, "--all", "--yes");
  const { code, stderr } = await faas.run(["invoke", `${org}/hello`]);
  assert.equal(code, 1);
  assert.match(stderr, /no organization/);
});
