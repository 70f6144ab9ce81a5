import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { LIMIT_MS } from "../cluster.ts";
import { eventuallyHolds } from "../eventually.ts";
import { GatewayInstallation, isReady } from "./installation.ts";

/** An installation whose gateways have pods of their own. Each test leaves it as it was. */

const HELLO = 'export const handler = () => "hello";\n';
/** Pause between two calls. */
const STEP_MS = 20;

describe("an installation with two gateways", () => {
  let faas: GatewayInstallation;
  before(async () => {
    faas = await GatewayInstallation.create("--gateways", "2");
    await faas.deploy("warm", HELLO, "--idle-timeout", "never");
    await faas.deploy("cold", HELLO, "--idle-timeout", "5s", "--replicas", "0");
  });
  after(() => faas?.[Symbol.asyncDispose]());

  /** Calls the warm endpoint during `work`, each time on a new connection; returns the failed calls and the number of all. */
  const callsDuring = async (work: () => Promise<unknown>) => {
    const failures: string[] = [];
    let calls = 0;
    let isOver = false;
    const calling = (async () => {
      while (!isOver) {
        const outcome = await faas.call("warm").then(
          ([status, text]) => (status === 200 ? "" : `${status} ${text}`),
          (error: Error) => String(error.cause ?? error),
        );
        calls++;
        if (outcome !== "") failures.push(outcome);
        await delay(STEP_MS);
      }
    })();
    await work().finally(() => {
      isOver = true;
    });
    await calling;
    return { failures, calls };
  };

  const asleep = () =>
    eventuallyHolds(
      "the cold endpoint has no replica",
      async () => [(await faas.scaleOf("cold")) ?? 0, (await faas.replicas("cold")).length],
      ([scale, pods]) => scale === 0 && pods === 0,
    );
  /** Waits until `count` gateways are listed, all of them linked. */
  const awaitLinks = (count: number, gone?: string) =>
    eventuallyHolds(
      `${count} linked gateways${gone === undefined ? "" : `, without ${gone}`}`,
      async (): Promise<readonly { readonly name: string; readonly state: string }[]> =>
        JSON.parse((await faas.faas("status", "-o", "json")).stdout).gateways,
      (gateways) =>
        gateways.length === count && gateways.every(({ name, state }) => state === "linked" && name !== gone),
    );

  test("has two gateways, which serve calls and the control API at one address", async () => {
    assert.equal((await faas.pods("faas-gateway")).filter(isReady).length, 2);
    assert.deepEqual(await faas.call("warm"), [200, "hello"]);
    assert.match((await faas.faas("list")).stdout, /warm/);
    const { gateways, platform } = JSON.parse((await faas.faas("status", "-o", "json")).stdout);
    assert.equal(platform, "kubernetes");
    const names = (await faas.pods("faas-gateway")).map(({ metadata }) => metadata?.name).sort();
    assert.deepEqual(gateways.map(({ name }: { name: string }) => name).sort(), names);
  });

  test("fails no call while the control server is replaced", async () => {
    const { failures, calls } = await callsDuring(() => faas.restart("faas-server"));
    assert.deepEqual(failures, []);
    assert.ok(calls > 10);
    await awaitLinks(2);
  });

  test("fails no call while the gateways are replaced", async () => {
    const { failures, calls } = await callsDuring(() => faas.restart("faas-gateway"));
    assert.deepEqual(failures, []);
    assert.ok(calls > 10);
    await awaitLinks(2);
  });

  test("stores asynchronous calls over a replacement of the control server, and delivers them to an endpoint without replicas", async () => {
    await asleep();
    const post = { method: "POST", body: "work", headers: { prefer: "respond-async", "x-faas-delay": "3s" } };
    const accepted = await faas.send(`/${faas.org}/cold`, post);
    assert.equal(accepted.status, 202);
    const location = accepted.headers.get("location") as string;
    await faas.restart("faas-server");
    const call = await eventuallyHolds(
      "the call has ended",
      async () => (await faas.send(`${location}?wait=30s`)).json() as Promise<{ state: string; attempts: number }>,
      ({ state }) => state === "completed" || state === "failed",
      LIMIT_MS,
    );
    assert.deepEqual([call.state, call.attempts], ["completed", 1]);
    assert.equal(await (await faas.send(`${location}/response`)).text(), "hello");
    await awaitLinks(2);
    await asleep();
  });

  test("without the control server, warm and cold calls continue, changes are refused, and replicas are kept when it is back", async () => {
    await asleep();
    await faas.scale("faas-server", 0);
    assert.deepEqual(await faas.call("warm"), [200, "hello"]);
    const answers = await Promise.all(Array.from({ length: 10 }, () => faas.call("cold")));
    assert.deepEqual(new Set(answers.map(String)), new Set(["200,hello"]));
    assert.equal(await faas.scaleOf("cold"), 1);
    const refused = await faas.send("/-/orgs");
    assert.deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [503, "CONTROL_SERVER_AWAY"]);
    assert.ok(refused.headers.get("retry-after"));
    const [replica] = await faas.replicas("cold");
    await faas.scale("faas-server", 1);
    await awaitLinks(2);
    assert.deepEqual(await faas.call("cold"), [200, "hello"]);
    assert.deepEqual(
      (await faas.replicas("cold")).map(({ metadata }) => metadata?.name),
      [replica?.metadata?.name],
    );
    await asleep();
  });

  test("without the control server, a lost replica is replaced", async () => {
    await faas.scale("faas-server", 0);
    const [before] = await faas.replicas("warm");
    const { failures } = await callsDuring(async () => {
      await faas.api.delete("Pod", `faas-${faas.org}`, before?.metadata?.name as string);
      await eventuallyHolds(
        "another replica is ready",
        async () => (await faas.replicas("warm")).filter((pod) => isReady(pod)),
        ([pod]) => pod !== undefined && pod.metadata?.uid !== before?.metadata?.uid,
        LIMIT_MS,
      );
    });
    assert.deepEqual(failures, []);
    await faas.scale("faas-server", 1);
    await awaitLinks(2);
  });

  test("a gateway that is deleted is replaced, and no longer listed", async () => {
    const [gateway] = await faas.pods("faas-gateway");
    const name = gateway?.metadata?.name as string;
    const { failures } = await callsDuring(async () => {
      await faas.api.delete("Pod", faas.namespace, name);
      await awaitLinks(2, name);
    });
    assert.deepEqual(failures, []);
  });

  test("becomes one process with --gateways 0, and two gateways again", async () => {
    await faas.install("--gateways", "0");
    // Draining ones still exist.
    const left = (await faas.pods("faas-gateway")).filter(({ metadata }) => !metadata?.deletionTimestamp);
    assert.deepEqual([left.length, await faas.call("warm")], [0, [200, "hello"]]);
    await faas.install("--gateways", "2");
    await awaitLinks(2);
    assert.deepEqual(await faas.call("warm"), [200, "hello"]);
  });
});
