import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { AsyncCall, AsyncCallList, ScheduleList } from "@faas/core";
import { readServerSecrets } from "@faas/installer";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import { NatsServer, tempDir } from "@faas/testing";
import type { V1Service } from "@kubernetes/client-node";
import { eventuallyHolds } from "../eventually.ts";
import { GatewayInstallation } from "../gateways/installation.ts";

/** Webhooks, destinations and schedules of an installed server, whose queue is on a NATS server outside of the cluster. */

const JOBS = `export const handler = ({ path, headers, body }) => {
  if (path === "/fails") throw new Error("it fails");
  return { path, event: headers["x-github-event"], body, time: headers["x-faas-scheduled-time"] };
};\n`;
const ALERTS = `export const handler = ({ path, body }) => [path, body.type, "of", body.data.call.path].join(" ");\n`;
const SECRET = "a secret of the organization";
const REGISTRY_TOKEN = "a-token-of-registries";
const MINUTE_MS = 60_000;

/** Passes connections from the cluster on to a port that is open on this machine only. */
function startRelay(port: number): Promise<Server> {
  const relay = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    client.pipe(upstream).pipe(client);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      one.on("error", () => other.destroy()).once("close", () => other.destroy());
  });
  return new Promise((resolve) => relay.listen(0, () => resolve(relay)));
}

describe("an installed server", () => {
  let faas: GatewayInstallation;
  let nats: NatsServer;
  let relay: Server;
  before(async () => {
    nats = await NatsServer.start({ config: 'authorization { user: faas, password: "pa55word" }\n' });
    relay = await startRelay(Number(new URL(nats.url).port));
    const { port } = relay.address() as { port: number };
    const token = join(tempDir("registry-token"), "token");
    await writeFile(token, `${REGISTRY_TOKEN}\n`);
    const queue = `nats://faas:pa55word@${process.env.NODE_IP ?? "127.0.0.1"}:${port}`;
    faas = await GatewayInstallation.create(
      ...["--gateways", "1", "--queue", queue],
      ...["--registry-hook-token-file", token],
    );
    const { status } = await faas.send(`/-/orgs/${faas.org}/secrets/GITHUB`, json("PUT", { value: SECRET }));
    assert.equal(status, 201);
    const found = await faas.api.get<V1Service & KubernetesObject>("Service", faas.namespace, "faas");
    const service = `http://${found?.spec?.clusterIP}:8887`;
    await faas.faas("org", "limit", faas.org, "--destinations", service);
    const destinations = `onSuccess=alerts/succeeded,onFailure=${service}/${faas.org}/alerts/failed`;
    await Promise.all([
      faas.deploy("alerts", ALERTS, "--visibility", "public"),
      faas.deploy(
        "jobs",
        JOBS,
        ...["--hook", "code github GITHUB", "--async", `attempts=1,${destinations}`],
        ...["--replicas", "0", "--idle-timeout", "1s"],
      ),
    ]);
  });
  after(async () => {
    await faas?.[Symbol.asyncDispose]();
    relay?.close();
    await nats?.[Symbol.asyncDispose]();
  });

  const calls = (path: string) => `/-/orgs/${faas.org}/calls${path}`;
  /** Waits for the end of a call. */
  const ended = (id: string) =>
    eventuallyHolds(
      `the call ${id} has ended`,
      async () => (await faas.send(calls(`/${id}?wait=30s`))).json() as Promise<AsyncCall>,
      ({ state }) => state === "completed" || state === "failed",
    );
  const responseOf = async (id: string) => (await faas.send(calls(`/${id}/response`))).text();
  const accepted = async (path: string) => {
    const response = await faas.send(`/${faas.org}/jobs${path}`, {
      method: "POST",
      headers: { prefer: "respond-async" },
    });
    assert.equal(response.status, 202);
    return ((await response.json()) as { id: string }).id;
  };
  /** Returns the response of the call that a call was passed on to. */
  const passedOn = async ({ destination }: AsyncCall) => {
    assert.ok(destination?.call, JSON.stringify(destination));
    const next = await ended(destination.call);
    assert.equal(next.state, "completed", JSON.stringify(next));
    return responseOf(destination.call);
  };

  test("delivers a signed webhook to an endpoint without replicas", async () => {
    await eventuallyHolds(
      "the endpoint has no replica",
      async () => [(await faas.scaleOf("jobs")) ?? 0, (await faas.replicas("jobs")).length],
      ([scale, pods]) => scale === 0 && pods === 0,
    );
    const body = '{ "ref": "main" }';
    const deliver = async (secret: string) => {
      const signature = createHmac("sha256", secret).update(body).digest("hex");
      const headers = {
        ...{ "content-type": "application/json", connection: "close" },
        ...{ "x-hub-signature-256": `sha256=${signature}`, "x-github-event": "push" },
      };
      const response = await fetch(`${faas.url}/-/hooks/${faas.org}/code`, { method: "POST", headers, body });
      return [response.status, (await response.json()) as { id: string; code: string }] as const;
    };
    const [denied, { code }] = await deliver("another secret");
    assert.deepEqual([denied, code], [401, "HOOK_SIGNATURE_INVALID"]);
    const [status, { id }] = await deliver(SECRET);
    assert.equal(status, 202);
    assert.equal((await ended(id)).state, "completed");
    assert.deepEqual(JSON.parse(await responseOf(id)), { path: "/", event: "push", body: { ref: "main" } });
  });

  test("passes a completed call on to another endpoint", async () => {
    const call = await ended(await accepted("/works"));
    assert.equal(call.state, "completed");
    assert.equal(await passedOn(call), "/succeeded faas.call.completed of /works");
  });

  test("passes a failed call on to a URL", async () => {
    const call = await ended(await accepted("/fails"));
    assert.equal(call.state, "failed");
    assert.match(await passedOn(call), /^\/failed faas\.call\.failed of \/fails/);
  });

  test("accepts the notifications of registries with the token of its Secret", async () => {
    const notify = async (token: string) => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", connection: "close" };
      const response = await fetch(`${faas.url}/-/hooks/registry`, { ...json("POST", { events: [] }), headers });
      return [response.status, await response.text()];
    };
    assert.deepEqual(await notify(REGISTRY_TOKEN), [200, '{"checks":0}']);
    assert.equal((await notify("another-token-of-registries"))[0], 401);
  });

  test("keeps queue and token when it is upgraded without them, and its pod", async () => {
    const before = await readServerSecrets(faas.api, faas.namespace);
    const [pod] = await faas.pods("faas-server");
    await faas.install("--gateways", "1");
    assert.deepEqual(await readServerSecrets(faas.api, faas.namespace), before);
    assert.equal((await faas.pods("faas-server"))[0]?.metadata?.uid, pod?.metadata?.uid);
  });

  test("starts a run of a schedule once while its pod is replaced", async () => {
    const tick = ["--name", "tick", "--cron", "* * * * *", "--path", "/tick", "--missed", "3"];
    await faas.faas("schedule", "add", `${faas.org}/jobs`, ...tick);
    // At least five seconds from now, so that the deployment above comes before it.
    const dueMs = Math.ceil((Date.now() + 5_000) / MINUTE_MS) * MINUTE_MS;
    const due = new Date(dueMs).toISOString();
    await delay(dueMs - Date.now() - 2_000);
    await faas.restart("faas-server");
    assert.ok(Date.now() > dueMs, "it was due while the pod was replaced");
    const runs = await eventuallyHolds(
      "the run is listed",
      async () => {
        const { schedules } = (await (await faas.send(`/-/orgs/${faas.org}/schedules`)).json()) as ScheduleList;
        return schedules.flatMap((schedule) => schedule.runs).filter((run) => run.due.utc === due);
      },
      ({ length }) => length > 0,
    );
    const [run] = runs;
    assert.equal(runs.length, 1);
    assert.ok(run?.call, JSON.stringify(run));
    assert.equal((await ended(run.call)).state, "completed");
    assert.equal(JSON.parse(await responseOf(run.call)).time, due);
    const { calls: all } = (await (await faas.send(calls("?endpoint=jobs"))).json()) as AsyncCallList;
    const responses = await Promise.all(
      all.filter(({ state }) => state === "completed").map(async ({ id }) => responseOf(id)),
    );
    assert.equal(responses.filter((text) => text.includes(due)).length, 1);
  });
});

const json = (method: string, body: unknown) => ({
  ...{ method, body: JSON.stringify(body) },
  headers: { "content-type": "application/json" },
});
