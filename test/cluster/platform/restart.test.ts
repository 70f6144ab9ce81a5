import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { LogLine } from "@faas/core";
import { LIMIT_MS } from "../cluster.ts";
import { ClusterServer } from "../cluster-server.ts";

/** Waits for the endpoint's log to be as a test wants it. */
async function logged(server: ClusterServer, endpoint: string, wanted: (lines: readonly LogLine[]) => boolean) {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const lines = await server.logs(endpoint);
    if (wanted(lines)) return lines;
    if (Date.now() > deadline) throw new Error(`the log stayed ${JSON.stringify(lines)}`);
    await delay(100);
  }
}

const COUNTS = `let calls = 0;
export const handler = () => {
  const call = ++calls;
  for (let line = 1; line <= 5; line++) console.log(\`call \${call} line \${line}\`);
  return String(call);
};
`;
/** Its process ends itself: a moment after the answer, or later. */
const CRASHES = `console.log("loaded");
export const handler = ({ path }) => {
  if (path === "/") return "fine";
  const crash = () => {
    console.log("last words");
    setTimeout(() => process.exit(7), 50);
  };
  setTimeout(crash, path === "/later" ? 2_000 : 0);
  return "crashing";
};
`;

describe("the server stops and starts on the same data folder", { concurrency: 2 }, () => {
  test("endpoints' pods go on, nothing is written, and requests are answered at once", async () => {
    await using server = await ClusterServer.start();
    const org = server.org();
    await server.serve(`${org}/kept`, await server.instance.image(COUNTS), { replicas: 2 });
    const seen = async () => {
      const pods = await server.pods(`${org}/kept`);
      const { metadata, spec } = await server.deployment(`${org}/kept`);
      return {
        generation: metadata?.generation,
        replicas: spec?.replicas,
        pods: pods.map((pod) => `${pod.metadata?.name} ${pod.metadata?.uid}`).sort(),
        managers: metadata?.managedFields
          ?.filter(({ subresource }) => subresource !== "status")
          .map(({ manager, time }) => `${manager} ${time}`),
      };
    };
    await server.request(`${org}/kept`);
    // Both are ready and have come down from the CPU limit that they started with: nothing is to come by itself.
    const deadline = Date.now() + LIMIT_MS;
    for (;;) {
      const pods = await server.pods(`${org}/kept`);
      const cpus = pods.map(({ status }) => status?.containerStatuses?.[0]?.resources?.limits?.cpu);
      const { status } = await server.deployment(`${org}/kept`);
      if (status?.readyReplicas === 2 && cpus.length === 2 && cpus.every((cpu) => cpu === "100m")) break;
      assert.ok(Date.now() < deadline, JSON.stringify(cpus));
      await delay(100);
    }
    const before = await seen();
    const version = (await server.deployment(`${org}/kept`)).metadata?.resourceVersion;
    assert.equal(before.pods.length, 2);
    await server.stop();
    await server.start();
    const began = performance.now();
    const answer = await server.request(`${org}/kept`);
    const tookMs = performance.now() - began;
    assert.equal(answer.status, 200);
    assert.ok(Number(await answer.text()) >= 1);
    assert.ok(tookMs < 1_000, `the first request took ${tookMs} ms`);
    for (let call = 0; call < 10; call++) assert.equal((await server.request(`${org}/kept`)).status, 200);
    assert.deepEqual(await seen(), before);
    assert.equal((await server.deployment(`${org}/kept`)).metadata?.resourceVersion, version);
  });

  test("lines of before, between and after are in the logs once each, in their order", async () => {
    await using server = await ClusterServer.start();
    const org = server.org();
    await server.serve(`${org}/counts`, await server.instance.image(COUNTS), { replicas: 1 });
    const [pod] = await server.pods(`${org}/counts`);
    const direct = () => fetch(`http://${pod?.status?.podIP}:8080/`, { method: "POST", body: "{}" });
    let calls = 0;
    for (let round = 0; round < 3; round++) {
      for (let call = 0; call < 10; call++) assert.equal(await server.text(`${org}/counts`), String(++calls));
      // At once: what was not copied yet is copied by the next one.
      await server.stop();
      // While no server is there.
      assert.equal((await direct()).status, 200);
      calls++;
      await server.start();
    }
    assert.equal(await server.text(`${org}/counts`), String(++calls));
    const expected = Array.from({ length: calls * 5 }, (_, n) => `call ${Math.floor(n / 5) + 1} line ${(n % 5) + 1}`);
    const mine = (lines: readonly LogLine[]) => lines.map(({ line }) => line).filter((line) => line.startsWith("call"));
    const lines = await logged(server, `${org}/counts`, (all) => mine(all).at(-1) === expected.at(-1));
    assert.deepEqual(mine(lines), expected);
    assert.deepEqual(
      lines.map(({ time }) => time),
      lines.map(({ time }) => time).sort(),
    );
  });

  test("a container that crashed: its last lines are told under its own replica, also over a restart", async () => {
    await using server = await ClusterServer.start();
    const org = server.org();
    await server.serve(`${org}/crashes`, await server.instance.image(CRASHES), { replicas: 1 });
    const [pod] = await server.pods(`${org}/crashes`);
    const name = pod?.metadata?.name as string;
    const crash = async (when: string) => assert.equal(await server.text(`${org}/crashes/${when}`), "crashing");
    const of = (lines: readonly LogLine[], replica: string) =>
      lines.filter((line) => line.replica === replica).map(({ line }) => line);

    await crash("now");
    await logged(server, `${org}/crashes`, (lines) => of(lines, `${name}.1`).includes("loaded"));
    assert.equal(await server.text(`${org}/crashes`), "fine");
    assert.deepEqual(of(await server.logs(`${org}/crashes`), name), ["loaded", "last words"]);

    // This time nobody is there when it prints them, and ends.
    await crash("later");
    await server.stop();
    assert.equal((await server.pods(`${org}/crashes`))[0]?.status?.containerStatuses?.[0]?.restartCount, 1);
    const deadline = Date.now() + LIMIT_MS;
    while ((await server.pods(`${org}/crashes`))[0]?.status?.containerStatuses?.[0]?.restartCount !== 2) {
      assert.ok(Date.now() < deadline, "the container was not started again");
      await delay(100);
    }
    await server.start();
    const lines = await logged(server, `${org}/crashes`, (all) => of(all, `${name}.2`).includes("loaded"));
    assert.deepEqual(of(lines, `${name}.1`), ["loaded", "last words"]);
    assert.deepEqual(of(lines, name), ["loaded", "last words"]);
  });
});
