import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { startTestGateway } from "../testing/test-gateway.ts";
import { drain } from "./drain.ts";

const GET = "GET /acme/x HTTP/1.1\r\nHost: x\r\n\r\n";

/** Gateway whose function waits before it responds. */
async function startSlowGateway() {
  const requested = Promise.withResolvers<void>();
  const respond = Promise.withResolvers<void>();
  const gateway = await startTestGateway(() => async (_, response) => {
    requested.resolve();
    await respond.promise;
    response.end("done");
  });
  await gateway.run();
  return { gateway, requested: requested.promise, respond: () => respond.resolve() };
}

test("a response that is under way when the server drains says that its connection closes", async () => {
  const { gateway, requested, respond } = await startSlowGateway();
  await using _ = gateway;
  const socket = connect(gateway.port, "127.0.0.1").setEncoding("latin1");
  socket.write(GET);
  await requested;
  const drained = drain(gateway.server);
  respond();
  let text = "";
  for await (const chunk of socket) text += chunk;
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(text, /\r\nConnection: close\r\n/i);
  assert.match(text, /done/);
  await drained;
});

test("new and idle connections are served for a while, and learn that they close", async () => {
  await using gateway = await startTestGateway(() => (_, response) => response.end("fine"));
  await gateway.run();
  using agent = new KeptAlive();
  assert.equal(await agent.get(gateway.port), "keep-alive");
  const hurry = new AbortController();
  const drained = drain(gateway.server, { idleMs: 60_000, hurry: hurry.signal });
  assert.equal(await agent.get(gateway.port), "close");
  assert.equal((await gateway.call("/acme/x")).headers.connection, "close");
  assert.equal(gateway.server.listening, true);
  hurry.abort();
  await drained;
  await assert.rejects(gateway.call("/acme/x"), { code: "ECONNREFUSED" });
});

test("idle connections are closed when a server without a successor drains", async () => {
  await using gateway = await startTestGateway(() => (_, response) => response.end("fine"));
  await gateway.run();
  const socket = connect(gateway.port, "127.0.0.1");
  socket.write(GET);
  await once(socket, "data");
  const closed = once(socket, "close");
  await drain(gateway.server);
  await closed;
});

test("a request that does not end in time is cut off", async () => {
  const { gateway, requested, respond } = await startSlowGateway();
  await using _ = gateway;
  const call = gateway.call("/acme/x");
  await requested;
  await drain(gateway.server, { finishMs: 1 });
  await assert.rejects(call, { code: "ECONNRESET" });
  respond();
});

/** Client with one connection, which it keeps while the server does. */
class KeptAlive implements Disposable {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  /** Returns the header `Connection` of the response. */
  async get(port: number): Promise<string | undefined> {
    const request = httpRequest({ port, host: "127.0.0.1", path: "/acme/x", agent: this.#agent }).end();
    const [response] = await once(request, "response");
    await once(response.resume(), "end");
    return response.headers.connection;
  }

  [Symbol.dispose]() {
    this.#agent.destroy();
  }
}
