import assert from "node:assert/strict";
import { test } from "node:test";
import { inheritedSocket } from "./inherited-socket.ts";

test("a socket that was announced for this process is inherited, and not announced to child processes", () => {
  const env = { LISTEN_PID: String(process.pid), LISTEN_FDS: "1", PATH: "/bin" };
  assert.deepEqual(inheritedSocket(env), { fd: 3 });
  assert.deepEqual(env, { PATH: "/bin" });
});

test("an announcement for another process is not for this one", () => {
  const env = { LISTEN_PID: String(process.ppid), LISTEN_FDS: "1" };
  assert.equal(inheritedSocket(env), undefined);
  assert.equal(inheritedSocket({}), undefined);
});
