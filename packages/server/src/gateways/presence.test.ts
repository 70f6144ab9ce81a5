import assert from "node:assert/strict";
import { test } from "node:test";
import type { GatewayInfo } from "@faas/core";
import { GatewayPresence } from "./presence.ts";

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Creates a presence with gateways on a platform, and links to gateways, which the test controls. */
function setUp() {
  const lists: (readonly string[])[] = [];
  let wake = () => {};
  const links = new Map<string, GatewayInfo["state"]>();
  const calls: string[] = [];
  const info = (name: string, state: GatewayInfo["state"]): GatewayInfo => ({
    ...{ name, state, version: "1", pid: 1, viewAgeMs: 0, inFlight: 0, waiting: 0 },
  });
  const presence = new GatewayPresence({
    async *running(signal) {
      signal.addEventListener("abort", () => wake());
      while (!signal.aborted) {
        const list = lists.shift();
        if (list) yield list;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    sessions: {
      list: () => Array.from(links, ([name, state]) => info(name, state)),
      expect: (name) => void calls.push(`expect ${name}`),
      gone(name) {
        calls.push(`gone ${name}`);
        links.delete(name);
      },
    },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    forgetMs: 1,
  });
  const run = async (...names: string[]) => {
    lists.push(names);
    wake();
    await settle();
  };
  return { presence, links, calls, run };
}

test("expects each gateway that runs, once, and forgets a lost one when it no longer does", async () => {
  const { presence, links, calls, run } = setUp();
  await using _ = presence;
  presence.start();
  await run("a", "b");
  links.set("a", "linked");
  links.set("b", "lost");
  await run("a", "b");
  assert.deepEqual(calls, ["expect a", "expect b"]);
  await run("a");
  assert.deepEqual(calls.slice(2), ["gone b"]);
});

test("forgets a gateway whose link broke after it was gone", async () => {
  const { presence, links, calls, run } = setUp();
  await using _ = presence;
  presence.start();
  links.set("a", "linked");
  await run("a");
  await run();
  assert.deepEqual(calls, ["expect a"]);
  links.set("a", "lost");
  while (calls.length < 2) await settle();
  assert.deepEqual(calls.slice(1), ["gone a"]);
});

test("forgets no gateway before it is known which ones run", async () => {
  const { presence, links, calls } = setUp();
  await using _ = presence;
  links.set("a", "lost");
  presence.start();
  await new Promise<void>((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(calls, []);
});
