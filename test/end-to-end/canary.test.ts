import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, FaasProcess } from "@faas/testing";

const PATH = "/-/orgs/acme/endpoints/x";
const CODE = (text: string) => `export const handler = () => ${JSON.stringify(text)};\n`;
/** The first step does not end by itself: to tell that nothing is worse takes more calls than the test makes before it ends. */
const CANARY = ["--canary", "50%,100%", "--every", "1s", "--max-error-rate", "5%", "--max-p95", "100x", "--no-wait"];

interface View {
  readonly revision: string;
  readonly canary: {
    readonly state: string;
    readonly stepAt: string;
    readonly seen?: { readonly canary: { readonly calls: number } };
  };
}

const view = async (url: string) => (await (await fetch(url + PATH)).json()) as View;

/** Starts a server with a canary in its first step, in which at least ten calls were counted. */
async function startCanary(faas: FaasProcess) {
  const server = await faas.up();
  const { url } = server;
  for (const [text, args] of [
    ["old", ["--keep-warm", "0s"]],
    ["new", CANARY],
  ] as const) {
    const { code, stderr } = await faas.deploy("x", { "index.mjs": CODE(text) }, ...args);
    assert.equal(code, 0, stderr);
  }
  await eventually("the canary has its share", async () => (await view(url)).canary.state === "running");
  await eventually("its calls are counted", async () => {
    await (await fetch(`${url}/acme/x`)).text();
    return ((await view(url)).canary.seen?.canary.calls ?? 0) >= 10;
  });
  return { server, before: (await view(url)).canary };
}

/** Checks that the canary continues where it was, and ends when there are enough calls. */
async function assertContinues(url: string, before: View["canary"]): Promise<void> {
  const { canary } = await view(url);
  assert.deepEqual([canary.state, canary.stepAt], ["running", before.stepAt]);
  await eventually("the canary is promoted", async () => {
    await Promise.all(Array.from({ length: 8 }, async () => (await fetch(`${url}/acme/x`)).text()));
    return (await view(url)).canary.state === "promoted";
  });
  assert.equal(await (await fetch(`${url}/acme/x`)).text(), "new");
}

const countedCalls = async (url: string) => (await view(url)).canary.seen?.canary.calls ?? 0;

test("a canary continues in its step after a kill -9 of the server", async () => {
  await using faas = new FaasProcess();
  const { server, before } = await startCanary(faas);
  await faas.kill(server);
  const { url } = await faas.up();
  await assertContinues(url, before);
});

test("a canary continues in its step after a takeover by another server", async () => {
  await using faas = new FaasProcess();
  const { server, before } = await startCanary(faas);
  const successor = await faas.up({ args: ["--takeover", "--port", new URL(server.url).port] });
  assert.notEqual(successor.pid, server.pid);
  // A kill -9 may lose the counts of ten seconds, and a takeover none.
  assert.ok((await countedCalls(successor.url)) >= (before.seen?.canary.calls ?? 0));
  await assertContinues(successor.url, before);
});
