import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { ClientConnection, type ClientTimeouts } from "./client-connection.ts";

const TIMEOUTS: ClientTimeouts = { bodyMs: 300, responseMs: 500, sweepMs: 50 };

/** A connection with a request in progress, whose counters the test sets. */
function busyConnection() {
  const socket = {
    remoteAddress: "127.0.0.1",
    remotePort: 1,
    bytesRead: 10,
    bytesWritten: 0,
    writableLength: 0,
    destroyed: false,
    destroy() {
      this.destroyed = true;
    },
  };
  const request = { complete: false, readableFlowing: true, readableLength: 0 };
  const response = { req: request, writableFinished: false, headersSent: false };
  const connection = new ClientConnection(socket as unknown as Socket, "127.0.0.1");
  connection.last = response as unknown as ServerResponse;
  let timeouts = 0;
  /** Sweeps every 50 ms, from one time to another; `each` runs before each sweep. */
  const sweep = (fromMs: number, toMs: number, each = (_ms: number) => {}) => {
    for (let now = fromMs; now <= toMs; now += 50) {
      each(now);
      connection.sweep(now, TIMEOUTS, () => timeouts++);
    }
    return { timeouts, destroyed: socket.destroyed };
  };
  return { connection, socket, request, response, sweep };
}

const FINE = { timeouts: 0, destroyed: false };

test("times out when the body stalls", () => {
  const { sweep } = busyConnection();
  assert.deepEqual(sweep(0, 250), FINE);
  assert.deepEqual(sweep(300, 300), { timeouts: 1, destroyed: false });
});

test("waits for a body that makes progress, however slowly", () => {
  const { socket, sweep } = busyConnection();
  const progress = (ms: number) => {
    if (ms % 250 === 0) socket.bytesRead++;
  };
  assert.deepEqual(sweep(0, 60_000, progress), FINE);
});

test("waits for a function that takes long", () => {
  const { request, sweep } = busyConnection();
  request.complete = true;
  assert.deepEqual(sweep(0, 600_000), FINE);
});

test("lets a body pause that is not being read", () => {
  const { request, sweep } = busyConnection();
  request.readableFlowing = false;
  assert.deepEqual(sweep(0, 60_000), FINE);
});

test("lets a body pause once the response has begun", () => {
  const { response, sweep } = busyConnection();
  response.headersSent = true;
  assert.deepEqual(sweep(0, 60_000), FINE);
});

test("closes the connection of a client that reads nothing of the response", () => {
  const { socket, response, sweep } = busyConnection();
  response.headersSent = true;
  socket.bytesWritten = socket.writableLength = 1_000;
  assert.deepEqual(sweep(0, 450), FINE);
  assert.deepEqual(sweep(500, 500), { timeouts: 0, destroyed: true });
});

test("waits for a client that reads the response slowly", () => {
  const { socket, response, sweep } = busyConnection();
  response.headersSent = true;
  socket.bytesWritten = socket.writableLength = 1_000;
  const progress = (ms: number) => {
    if (ms % 450 === 0) socket.bytesWritten++;
  };
  assert.deepEqual(sweep(0, 60_000, progress), FINE);
});

test("applies no limits to an upgraded connection, and does not take it for idle", () => {
  const { connection, socket, response, sweep } = busyConnection();
  connection.upgraded = true;
  response.writableFinished = true;
  socket.bytesWritten = socket.writableLength = 1_000;
  assert.deepEqual(sweep(0, 600_000), FINE);
  assert.equal(connection.isIdle, false);
});

test("is idle before the first request and after a complete response", () => {
  assert.equal(new ClientConnection(new Socket(), "127.0.0.1").isIdle, true);
  const { connection, response } = busyConnection();
  assert.equal(connection.isIdle, false);
  response.writableFinished = true;
  assert.equal(connection.isIdle, true);
});
