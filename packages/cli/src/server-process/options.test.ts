import assert from "node:assert/strict";
import { test } from "node:test";
import { Command } from "commander";
import type { Io } from "../terminal/io.ts";
import { addUpOptions, serverOptions, type UpOptions } from "./options.ts";

const io = { env: {}, cwd: "/", stderr: { isTTY: false } } as unknown as Io;

function parsed(...argv: string[]) {
  const options = addUpOptions(new Command()).parse(argv, { from: "user" }).opts<UpOptions>();
  return serverOptions(options, "/data", io);
}

test("--queue names a NATS server, and its credentials are a file of the caller's folder", () => {
  assert.deepEqual(parsed("--queue", "nats://host", "--queue-credentials", "user.creds").queue, {
    url: "nats://host",
    credentialsFile: "/user.creds",
  });
  assert.equal(parsed().queue, undefined);
  assert.throws(() => parsed("--queue-credentials", "user.creds"), { code: "USAGE" });
});

test("--pool-size is the number of prewarmed processes, or of warm pods in a cluster; by default 1", () => {
  assert.equal(parsed("--pool-size", "3").poolSize, 3);
  assert.equal(parsed("--platform", "kubernetes", "--pool-size", "0").kubernetes?.poolSize, 0);
  assert.equal(parsed("--platform", "kubernetes").kubernetes?.poolSize, 1);
});
