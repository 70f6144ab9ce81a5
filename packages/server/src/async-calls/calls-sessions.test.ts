import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type LookupFunction } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { FaasError } from "@faas/core";
import {
  type AsyncCallAcceptor,
  CallsLink,
  type Delivery,
  type DeliveryResponse,
  type NewAsyncCall,
  type PartListener,
} from "@faas/gateway";
import { eventually, tempDir } from "@faas/testing";
import { ControlListener } from "../gateways/listener.ts";
import { CallsSessions } from "./calls-sessions.ts";

type DeliverTo = (delivery: Delivery, signal: AbortSignal, onPart?: PartListener) => Promise<DeliveryResponse>;

const log = { debug() {}, info() {}, warn() {}, error() {} };
const request = {
  ...{ method: "POST", url: "/acme/x", target: "/", host: "h", address: "1.2.3.4", proto: "http" as const },
  ...{ lines: "", headers: {}, requestId: "r" },
};
const call: NewAsyncCall = { org: "acme", endpoint: "x", servingRevision: "one", request, body: Buffer.from("body") };
const delivery: Delivery = {
  request,
  body: Buffer.alloc(100_000, 7),
  requestId: "1.1",
  lines: "",
  maxResponseBytes: 9,
};
const NEVER = new AbortController().signal;

const respond: DeliverTo = async ({ body }) => ({
  status: 200,
  from: "function",
  headers: [["a", "b"]],
  body,
  bytes: body.length,
});

/** Starts the control server's end on a Unix socket. */
async function started(accept: AsyncCallAcceptor["accept"] = async () => ({ id: "1", isDuplicate: false })) {
  const path = join(tempDir("calls"), "calls.sock");
  const sessions = new CallsSessions({ accept });
  let opened = 0;
  const listener = new ControlListener({
    address: { path },
    app: (_, response) => void response.end(),
    accept: () => ({ onText() {}, onClose() {} }),
    openCalls(socket, head) {
      opened++;
      sessions.open(socket, head);
    },
  });
  await listener.listen();
  const links: CallsLink[] = [];
  return {
    path,
    sessions,
    /** Connects a gateway, and resolves when calls can be accepted through it. */
    async connect(deliver: DeliverTo = respond): Promise<CallsLink> {
      const link = new CallsLink({ address: { socketPath: path }, gateway: () => ({ deliver }), log });
      links.push(link);
      link.start();
      await eventually("it is connected", () => sessions.size === links.length);
      return link;
    },
    /** Returns how many connections gateways have opened. */
    opened: () => opened,
    closeListener: () => listener[Symbol.asyncDispose](),
    async [Symbol.asyncDispose]() {
      await Promise.all(links.map((link) => link.stop(0)));
      sessions[Symbol.dispose]();
      await listener[Symbol.asyncDispose]();
    },
  };
}

test("parts of the response to a call that is awaited come before the response, and those of others do not", async () => {
  await using control = await started();
  await control.connect(async (delivered, signal, onPart) => {
    onPart?.(Buffer.from("one"), "text/plain");
    onPart?.(Buffer.from("two"), "text/plain");
    return respond(delivered, signal);
  });
  for (const isAwaited of [true, false]) {
    const parts: string[] = [];
    const onPart: PartListener = (bytes, contentType) => parts.push(`${contentType} ${bytes}`);
    const { status } = await control.sessions.deliver({ ...delivery, isAwaited }, NEVER, onPart);
    assert.equal(status, 200);
    assert.deepEqual(parts, isAwaited ? ["text/plain one", "text/plain two"] : []);
  }
});

test("a gateway passes a call on, and gets its id", async () => {
  const accepted: NewAsyncCall[] = [];
  await using control = await started(async (each) => {
    accepted.push({ ...each, body: Buffer.from(each.body) });
    return { id: "42", isDuplicate: true };
  });
  const link = await control.connect();
  assert.deepEqual(await link.accept({ ...call, idempotencyKey: "k" }), { id: "42", isDuplicate: true });
  assert.deepEqual(accepted, [{ ...call, idempotencyKey: "k" }]);
});

test("a gateway gets the problem of a call that is not accepted", async () => {
  await using control = await started(async () => {
    throw new FaasError("CALLS_LIMITED", "full", { extensions: { limit: "waitingCalls" } });
  });
  const link = await control.connect();
  await assert.rejects(link.accept(call), {
    code: "CALLS_LIMITED",
    message: "full",
    extensions: { limit: "waitingCalls" },
  });
});

test("a gateway without a connection accepts no calls, and says so", async () => {
  const link = new CallsLink({ address: { socketPath: "/none" }, gateway: () => undefined, log, connectMs: 1 });
  await assert.rejects(link.accept(call), { code: "CONTROL_SERVER_AWAY" });
});

test("a gateway connects again when the address of the control server does not answer", async (t) => {
  await using control = await started();
  let lookups = 0;
  const relay = createServer((client) => client.pipe(connect(control.path)).pipe(client)).listen(0, "127.0.0.1");
  await once(relay, "listening");
  t.after(() => relay.close());
  const address = {
    ...{ host: "control-server", port: (relay.address() as AddressInfo).port },
    // The first attempt stays without an answer, as one to the address of a pod that is gone.
    lookup: ((_name, _options, done) => {
      if (++lookups > 1) done(null, [{ address: "127.0.0.1", family: 4 }]);
    }) as LookupFunction,
  };
  const link = new CallsLink({ address, gateway: () => ({ deliver: respond }), log, connectMs: 50 });
  t.after(() => link.stop(0));
  link.start();
  await eventually("it is connected", () => control.sessions.size === 1);
  assert.equal(lookups, 2);
});

test("a gateway delivers a call, and returns the whole response", async () => {
  await using control = await started();
  await control.connect();
  const { status, from, headers, body } = await control.sessions.deliver(delivery, NEVER);
  assert.deepEqual([status, from, headers], [200, "function", [["a", "b"]]]);
  assert.ok(body.equals(delivery.body));
});

test("calls go to the gateway with the fewest deliveries", async () => {
  await using control = await started();
  const counts = [0, 0];
  const count = (index: number) => () => {
    counts[index] = (counts[index] ?? 0) + 1;
    return new Promise<DeliveryResponse>(() => {});
  };
  await control.connect(count(0));
  await control.connect(count(1));
  const ending = new AbortController();
  const all = [1, 2, 3, 4].map(() => control.sessions.deliver(delivery, ending.signal));
  await eventually("all have arrived", () => counts[0] === 2 && counts[1] === 2);
  ending.abort();
  assert.deepEqual(
    (await Promise.all(all)).map(({ status }) => status),
    [499, 499, 499, 499],
  );
});

test("a delivery ends without a response when its gateway does", async () => {
  await using control = await started();
  const link = await control.connect(() => new Promise(() => {}));
  const response = control.sessions.deliver(delivery, NEVER);
  await link.stop(0);
  assert.deepEqual([(await response).status, (await response).from], [499, "gateway"]);
});

test("a gateway that stops finishes its deliveries, and gets no others", async () => {
  await using control = await started();
  const finish = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const link = await control.connect(async (...args) => {
    arrived.resolve();
    await finish.promise;
    return respond(...args);
  });
  const response = control.sessions.deliver(delivery, NEVER);
  await arrived.promise;
  const stopped = link.stop(10_000);
  await eventually(
    "it stops",
    async () => (await control.sessions.deliver(delivery, AbortSignal.timeout(1))).status === 499,
  );
  finish.resolve();
  assert.equal((await response).status, 200);
  await stopped;
});

test("an aborted delivery is aborted at the gateway", async () => {
  await using control = await started();
  const aborted = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  await control.connect((_, signal) => {
    signal.addEventListener("abort", () => aborted.resolve());
    arrived.resolve();
    return new Promise(() => {});
  });
  const ending = new AbortController();
  const response = control.sessions.deliver(delivery, ending.signal);
  await arrived.promise;
  ending.abort();
  assert.equal((await response).status, 499);
  await aborted.promise;
});

test("a control server stops at once, although its gateways connect again", async () => {
  const control = await started();
  const link = await control.connect();
  control.sessions[Symbol.dispose]();
  await eventually("the gateway has connected again", () => control.opened() > 1);
  await control.closeListener();
  await link.stop(0);
});

test("a gateway that stops gives up an attempt to connect that nobody answers", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const connected = once(silent, "connection");
  const { port } = silent.address() as AddressInfo;
  const link = new CallsLink({ address: { host: "127.0.0.1", port }, gateway: () => undefined, log });
  link.start();
  const [socket] = await connected;
  const closed = once(socket.resume(), "close");
  await link.stop(0);
  await closed;
  silent.close();
});
