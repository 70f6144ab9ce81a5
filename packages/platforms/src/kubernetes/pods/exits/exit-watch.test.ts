import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { waitForExit } from "./exit-watch.ts";

/** A server in place of a wrapper. */
class Listener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Number of connections so far. */
  connections = 0;
  /** Called for each connection. */
  onConnection: (socket: Socket) => void = () => {};

  constructor(t: TestContext) {
    this.#server = createServer((socket) => {
      this.connections++;
      this.#sockets.add(socket.on("error", () => {}).once("close", () => this.#sockets.delete(socket)));
      socket.once("data", () => this.onConnection(socket));
    });
    t.after(() => this.exit());
  }

  async listen(): Promise<{ host: string; port: number }> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const { port } = this.#server.address() as { port: number };
    return { host: "127.0.0.1", port };
  }

  /** Closes everything, as the kernel does for a process that ends. */
  exit(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

test("notices the end of a process at once", { timeout: 10_000 }, async (t) => {
  const listener = new Listener(t);
  const pod = await listener.listen();
  const connected = new Promise<void>((resolve) => {
    listener.onConnection = () => resolve();
  });
  const watch = waitForExit(pod, t.signal);
  await connected;
  listener.exit();
  await watch;
  assert.equal(listener.connections, 1);
});

test("does not take a closed connection for an end, as long as others are accepted", { timeout: 10_000 }, async (t) => {
  const listener = new Listener(t);
  const pod = await listener.listen();
  const hasEnded = { value: false };
  const third = new Promise<void>((resolve) => {
    listener.onConnection = (socket) => {
      if (listener.connections === 3) return resolve();
      socket.destroy();
    };
  });
  const watch = waitForExit(pod, t.signal).then(() => {
    hasEnded.value = true;
  });
  await third;
  assert.equal(hasEnded.value, false);
  listener.exit();
  await watch;
});

test("ends with the watch on its pod", { timeout: 10_000 }, async (t) => {
  const listener = new Listener(t);
  const pod = await listener.listen();
  const aborter = new AbortController();
  listener.onConnection = () => aborter.abort(new Error("removed"));
  await assert.rejects(waitForExit(pod, aborter.signal), /removed/);
});
