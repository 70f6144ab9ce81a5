import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { eventually, NatsServer, tempDir } from "@faas/testing";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import { instanceId } from "../../state/instance-id.ts";
import { sourceRig } from "../../testing/source-rig.ts";
import { queueGroup } from "./source-names.ts";

const nats = await NatsServer.start();
const client = await connect({
  servers: nats.url.replace("nats://", ""),
  maxReconnectAttempts: -1,
  reconnectTimeWait: 50,
});
const [stream, manager] = [jetstream(client), await jetstreamManager(client)];
after(async () => {
  await client.close();
  await nats[Symbol.asyncDispose]();
});
let count = 0;
let url = "";
/** Each test has a queue of its own. */
beforeEach(() => (url = `${nats.url}?stream=queue-${++count}`));

type Rig = Awaited<ReturnType<typeof sourceRig>>;
const rigIn = (folder = tempDir("sources")) => sourceRig({ url, folder });
const untilActive = (rig: Rig) =>
  eventually("all sources are active", () => rig.views().length > 0 && rig.views().every(({ active }) => active));
const untilCalls = (rig: Rig, expected: number) =>
  eventually(`${expected} calls`, async () => {
    const calls = await rig.calls();
    return calls.length === expected && calls;
  });
const untilProblem = (rig: Rig, text: RegExp) =>
  eventually(`the problem ${text}`, () => rig.views().some(({ problem = "" }) => text.test(problem)));
const namesOf = async (name: string) => (await manager.consumers.list(name).next()).map((each) => each.name);

/** Creates a stream, and publishes texts to its subjects. */
async function streamOf(name: string, subjects: readonly string[], ...texts: readonly string[]): Promise<void> {
  await manager.streams.add({ name, subjects: [...subjects] });
  for (const text of texts) await stream.publish((subjects[0] as string).replace(/[*>]/, "x"), text);
}

describe("a subject", () => {
  test("its messages become calls, with their bytes and headers, and nothing that belongs to the server", async () => {
    await using rig = await rigIn();
    await rig.deploy([{ subject: "acme.a.*", path: "/got?x=1" }]);
    await untilActive(rig);
    const fields = headers();
    for (const [name, value] of [
      ...[
        ["Mine", "1"],
        ["Mine", "2"],
        ["Umlaut", "\u00fc"],
        ["X-Faas-Nats-Subject", "faked"],
      ],
      ...[
        ["Authorization", "secret"],
        ["Host", "evil"],
        ["Content-Length", "0"],
        ["Connection", "Mine"],
      ],
    ])
      fields.append(name as string, value as string);
    client.publish("acme.a.one", '{"a":1}', { headers: fields });
    client.publish("acme.a.one", "text");
    client.publish("acme.a.\u{1f600}", new Uint8Array([0xff, 0x00]));
    client.publish("acme.b.one", "other");
    const [first, second, third] = await untilCalls(rig, 3);
    assert.deepEqual([first?.request.method, first?.request.target, first?.body], ["POST", "/got?x=1", '{"a":1}']);
    const lines = (first?.request.lines ?? "").split("\r\n").filter((line) => line !== "");
    assert.deepEqual(lines, [
      ...["Mine: 1", "Mine: 2", "X-Faas-Nats-Subject: acme.a.one", "Content-Type: application/json", "X-Faas-Depth: 1"],
    ]);
    assert.match(second?.request.lines ?? "", /^Content-Type: text\/plain; charset=utf-8\r$/m);
    assert.match(
      third?.request.lines ?? "",
      /^X-Faas-Nats-Subject: acme\.a\.%F0%9F%98%80\r\nContent-Type: application\/octet-stream\r$/m,
    );
    assert.equal(await rig.count("accepted"), 3);
  });

  test("malformed headers are left out, and do not end the server", async () => {
    await using rig = await rigIn();
    await streamOf("MALFORMED", ["acme.malformed"]);
    await rig.deploy([{ subject: "acme.malformed" }, { stream: "MALFORMED", startAt: "all" }]);
    await untilActive(rig);
    const fields = "NATS/1.0\r\nbad name: x\r\n\r\n";
    const socket = connectSocket(Number(new URL(nats.url).port), "127.0.0.1");
    socket.end(
      `CONNECT {"headers":true}\r\nHPUB acme.malformed ${fields.length} ${fields.length + 4}\r\n${fields}body\r\nPING\r\n`,
    );
    for (const { body, request } of await untilCalls(rig, 2)) {
      assert.equal(body, "body");
      assert.doesNotMatch(request.lines, /bad name/);
    }
    socket.destroy();
  });

  test("a message is one call although two servers subscribe, as during a takeover", async () => {
    const folder = tempDir("sources");
    await using first = await rigIn(folder);
    await first.deploy([{ subject: "acme.one" }]);
    await untilActive(first);
    const owned = {
      instance: await instanceId(folder),
      ref: { org: "acme", endpoint: "jobs" },
      source: { subject: "acme.one" },
    };
    const others = client.subscribe("acme.one", { queue: queueGroup(owned) });
    await client.flush();
    for (let i = 0; i < 100; i++) client.publish("acme.one", String(i));
    await client.flush();
    await eventually("all arrived", async () => (await first.calls()).length + others.getReceived() === 100);
    assert.ok(others.getReceived() > 0);
    others.unsubscribe();
  });

  test("a request gets the id of its call if the source replies, and the reason if it is rejected", async () => {
    await using rig = await rigIn();
    await rig.deploy([{ subject: "acme.ask", reply: "accepted" }, { subject: "acme.quiet" }]);
    await untilActive(rig);
    const reply = await client.request("acme.ask", "x", { timeout: 5_000 });
    const [call] = await untilCalls(rig, 1);
    assert.deepEqual(reply.json(), { id: call?.id, location: `/-/orgs/acme/calls/${call?.id}` });
    const rejected = await client.request("acme.ask", "x".repeat(200_000), { timeout: 5_000 });
    assert.equal(rejected.headers?.get("Nats-Service-Error-Code"), "413");
    assert.match(rejected.string(), /BODY_TOO_LARGE/);
    const none = client.subscribe("acme.none");
    client.publish("acme.quiet", "x", { reply: "acme.none" });
    // A publisher must not make the server publish where only it may.
    const foreign = client.subscribe("other.>");
    client.publish("acme.ask", "x", { reply: "other.system" });
    await untilCalls(rig, 3);
    await client.flush();
    assert.deepEqual([none.getReceived(), foreign.getReceived()], [0, 0]);
  });

  test("a message with the Nats-Msg-Id of an earlier one is not another call", async () => {
    await using rig = await rigIn();
    await rig.deploy([{ subject: "acme.twice" }]);
    await untilActive(rig);
    const fields = headers();
    fields.set("Nats-Msg-Id", "order-7");
    for (let i = 0; i < 2; i++) client.publish("acme.twice", "x", { headers: fields });
    await eventually("the second one was recognized", async () => (await rig.count("duplicate")) === 1);
    assert.match((await untilCalls(rig, 1))[0]?.request.lines ?? "", /^Nats-Msg-Id: order-7\r$/m);
  });

  test("is received again after a restart of the NATS server, which its state shows", async () => {
    await using rig = await rigIn();
    await rig.deploy([{ subject: "acme.back" }]);
    await untilActive(rig);
    await nats.kill();
    await untilProblem(rig, /does not respond/);
    await nats.start();
    await untilActive(rig);
    await client.flush();
    client.publish("acme.back", "x");
    await untilCalls(rig, 1);
  });
});

describe("a stream", () => {
  test("its messages become calls from where it starts, and continue after a restart", async () => {
    const folder = tempDir("sources");
    await streamOf("ALL", ["acme.all.>"], "a", "b");
    const first = await rigIn(folder);
    await first.deploy([{ stream: "ALL", startAt: "all" }, { stream: "ALL" }]);
    const [call] = await untilCalls(first, 2);
    assert.match(
      call?.request.lines ?? "",
      /^X-Faas-Nats-Stream: ALL\r\nX-Faas-Nats-Sequence: 1\r\nX-Faas-Nats-Time: /m,
    );
    await untilActive(first);
    await stream.publish("acme.all.x", "c");
    await untilCalls(first, 4);
    await first[Symbol.asyncDispose]();
    await stream.publish("acme.all.x", "d");
    await using second = await rigIn(folder);
    const calls = await untilCalls(second, 6);
    assert.deepEqual(calls.map(({ body }) => body).sort(), ["a", "b", "c", "c", "d", "d"]);
  });

  test("kill -9 between the queue and the acknowledgement loses no message and repeats none", async () => {
    const folder = tempDir("sources");
    await streamOf("KILL", ["acme.kill.*"], "a", "b", "c");
    {
      await using rig = await sourceRig({ url, folder, isStopped: true });
      await rig.deploy([{ stream: "KILL", startAt: "all" }]);
    }
    const program = join(import.meta.dirname, "../../testing/killed-before-ack.ts");
    const child = spawn(process.execPath, ["--conditions=faas-source", "--import", "tsx", program, url, folder]);
    assert.deepEqual(await once(child, "exit"), [null, "SIGKILL"]);
    await using rig = await rigIn(folder);
    await eventually("a message was sent again", async () => (await rig.count("duplicate")) > 0);
    const calls = await untilCalls(rig, 3);
    assert.deepEqual(calls.map(({ body }) => body).sort(), ["a", "b", "c"]);
    const [consumer = ""] = await namesOf("KILL");
    await eventually("all are acknowledged", async () => {
      const { num_ack_pending, num_pending } = await manager.consumers.info("KILL", consumer);
      return num_ack_pending + num_pending === 0;
    });
  });

  test("with order, messages of a subject are delivered in their order, also after delays", async () => {
    await streamOf("ORDER", ["acme.order.*"], ..."abcdef");
    await using rig = await rigIn();
    await rig.limit({ waitingCalls: 2 });
    await rig.deploy([{ stream: "ORDER", startAt: "all", order: "subject" }]);
    await eventually("one was delayed", async () => (await rig.count("delayed")) > 0);
    await untilProblem(rig, /delayed: .*2 asynchronous calls/);
    await rig.limit({ waitingCalls: null });
    const calls = await untilCalls(rig, 6);
    assert.equal(calls.map(({ body }) => body).join(""), "abcdef");
    const leased = await rig.queue.lease("acme/jobs", 10, 1_000);
    assert.equal(leased.length, 1);
  });

  test("a message that is too large is not delivered, and those behind it are", async () => {
    await streamOf("LARGE", ["acme.large.*"], "x".repeat(200_000), "small");
    await using rig = await rigIn();
    await rig.deploy([{ stream: "LARGE", startAt: "all" }]);
    assert.equal((await untilCalls(rig, 1))[0]?.body, "small");
    assert.equal(await rig.count("rejected"), 1);
  });

  test("that is missing is shown with the reason, and received when it is there", async () => {
    await using rig = await rigIn();
    await rig.deploy([{ stream: "LATER", startAt: "all" }]);
    await untilProblem(rig, /stream not found/);
    await streamOf("LATER", ["acme.later"], "x");
    await untilCalls(rig, 1);
    await manager.streams.delete("LATER");
    await untilProblem(rig, /not found|deleted/i);
  });

  test("its consumer is removed with the source or the endpoint, also if the server was stopped", async () => {
    const folder = tempDir("sources");
    await streamOf("GONE", ["acme.gone.*"]);
    const first = await rigIn(folder);
    await first.deploy([{ stream: "GONE" }, { stream: "GONE", subject: "acme.gone.*" }]);
    await untilActive(first);
    assert.equal((await namesOf("GONE")).length, 2);
    // With another path, it is the same one.
    await first.deploy([{ stream: "GONE", path: "/other" }]);
    await eventually("one is removed", async () => (await namesOf("GONE")).length === 1);
    await first[Symbol.asyncDispose]();
    const stopped = await sourceRig({ url, folder, isStopped: true });
    await stopped.remove();
    await stopped[Symbol.asyncDispose]();
    await using _ = await rigIn(folder);
    await eventually("the other is removed", async () => (await namesOf("GONE")).length === 0);
  });

  test("another installation with the same names has a consumer of its own", async () => {
    await streamOf("SHARED", ["acme.shared"], "x");
    await using first = await rigIn();
    await first.deploy([{ stream: "SHARED", startAt: "all" }]);
    await untilCalls(first, 1);
    url = `${nats.url}?stream=queue-${++count}`;
    await using second = await rigIn();
    await second.deploy([{ stream: "SHARED", startAt: "all" }]);
    await untilCalls(second, 1);
  });
});

describe("an organization", () => {
  test("gets no message of subjects that an admin has taken from its list, and those that are on it", async () => {
    await using rig = await rigIn();
    await rig.limit({ natsSubjects: ["orders.>"] });
    await rig.deploy([{ subject: "orders.*" }]);
    await untilActive(rig);
    await rig.limit({ natsSubjects: null });
    await untilProblem(rig, /may not get messages of orders\.\*/);
    client.publish("orders.a", "secret");
    await client.flush();
    await rig.limit({ natsSubjects: ["orders.*"] });
    await untilActive(rig);
    client.publish("orders.a", "allowed");
    assert.equal((await untilCalls(rig, 1))[0]?.body, "allowed");
  });

  test("gets only its own messages of a stream that others use too", async () => {
    await manager.streams.add({ name: "MIXED", subjects: ["acme.mixed", "globex.mixed"] });
    await stream.publish("globex.mixed", "theirs");
    await stream.publish("acme.mixed", "ours");
    await using rig = await rigIn();
    await rig.deploy([{ stream: "MIXED", startAt: "all" }]);
    assert.equal((await untilCalls(rig, 1))[0]?.body, "ours");
  });

  test("cannot read the queue", async () => {
    await using rig = await rigIn();
    await rig.limit({ natsSubjects: [">"] });
    await rig.deploy([
      { stream: `queue-${count}` },
      { subject: "faas-queue.>" },
      { subject: ">" },
      { subject: "$JS.>" },
    ]);
    for (const { active, problem } of rig.views()) {
      assert.equal(active, false);
      assert.match(problem ?? "", /of the server|server's queue/);
    }
  });
});
