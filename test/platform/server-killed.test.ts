import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Bundle, build } from "@faas/builder";
import type { EndpointView } from "@faas/core";
import { FaasProcess } from "@faas/testing";

/**
 * kill -9 of the server while endpoints are uploaded, registered and started, each time at another moment. What was acknowledged, and
 * nothing older, is there afterwards and answers.
 */
const ROUNDS = 7;
const NAMES = ["one", "two", "three"];

test("kill -9 at any moment of a deployment: every acknowledged endpoint is there and answers", async () => {
  await using faas = new FaasProcess();
  /** What may answer: the version that was acknowledged last, and the one that was on its way when the server was killed. */
  const possible = new Map<string, string[]>();
  const acknowledged = new Set<string>();
  let version = 0;
  let cutShort = 0;
  /** What a whole round takes on this machine: the first one is not cut short. */
  let wholeMs = 0;

  for (let round = 0; round < ROUNDS; round++) {
    const bundles = await Promise.all(
      NAMES.map(async (name) => {
        const text = `${name} ${++version}`;
        const files = { "index.mjs": `export const handler = () => "${text}";\n`, "data.txt": text.repeat(2 ** 14) };
        return { name, text, bundle: await build(await faas.source(`source-${name}`, files)) };
      }),
    );
    const server = await faas.up();
    const deploying = (async () => {
      for (const { name, text, bundle } of bundles) {
        await upload(server.url, bundle);
        possible.set(name, [...(possible.get(name) ?? []), text]);
        await register(server.url, name, bundle);
        possible.set(name, [text]);
        acknowledged.add(name);
      }
    })().catch((error) => {
      // The connection broke: nobody was told anything.
      if (error instanceof assert.AssertionError) throw error;
      cutShort++;
    });
    const began = performance.now();
    if (round > 0) await delay((wholeMs * (round - 1)) / (ROUNDS - 2));
    else wholeMs = await deploying.then(() => performance.now() - began);
    await faas.kill(server);
    await deploying;
    for (const { bundle } of bundles) await bundle[Symbol.asyncDispose]();

    const next = await faas.up();
    for (const name of NAMES) {
      const view = await endpoint(next.url, name);
      if (acknowledged.has(name)) assert.ok(view, `round ${round}: ${name} was acknowledged, and is not there`);
      if (!view) continue;
      const answer = await (await fetch(`${next.url}/acme/${name}`)).text();
      const allowed = possible.get(name) ?? [];
      assert.ok(allowed.includes(answer), `round ${round}: expected one of ${allowed} of ${name}, got ${answer}`);
      possible.set(name, [answer]);
      acknowledged.add(name);
    }
    await faas.kill(next);
  }
  assert.ok(cutShort >= 2 && acknowledged.size === NAMES.length, `only ${cutShort} rounds were cut short`);
});

async function upload(url: string, { digest, sizeBytes, open }: Bundle): Promise<void> {
  const answer = await fetch(`${url}/-/bundles/${digest}`, {
    method: "PUT",
    headers: { "Content-Length": String(sizeBytes) },
    body: Readable.toWeb(open()),
    duplex: "half",
  } as RequestInit);
  assert.ok(answer.ok, `the upload was answered with ${answer.status}`);
}

async function register(url: string, name: string, { digest }: Bundle): Promise<void> {
  const answer = await fetch(`${url}/-/orgs/acme/endpoints/${name}`, {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ artifact: { kind: "bundle", digest } }),
  });
  assert.ok(answer.ok, `the registration was answered with ${answer.status}`);
  await answer.text();
}

/** The endpoint when it is no longer being deployed; undefined when it is not there. */
async function endpoint(url: string, name: string): Promise<EndpointView | undefined> {
  const path = `${url}/-/orgs/acme/endpoints/${name}`;
  const found = await fetch(path);
  if (!found.ok) return undefined;
  const { revision, deploying } = (await found.json()) as EndpointView;
  const settled = await fetch(`${path}?wait=${deploying ?? revision}&timeout=10s`);
  const view = (await settled.json()) as EndpointView;
  assert.notEqual(view.phase, "deploying", `${name} is still being deployed: ${JSON.stringify(view)}`);
  return view;
}
