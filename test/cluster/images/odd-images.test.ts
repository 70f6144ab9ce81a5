import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { ClusterServer } from "../cluster-server.ts";

/** Images that faas has not built. */

const server = await ClusterServer.start({ startSeconds: 10 });
after(() => server[Symbol.asyncDispose]());
const org = server.org();

describe("the failure of an unusable image", { concurrency: true }, () => {
  test("quotes an invalid reference", async () => {
    const { failure } = await server.deploy(`${org}/unnamed`, { kind: "image", reference: "Not An Image" });
    assert.equal(failure?.code, "IMAGE_PULL_FAILED");
    assert.match(failure?.detail ?? "", /^"Not An Image" is not an image reference/);
  });

  test("says that its program is for another CPU", async () => {
    const program = Buffer.alloc(4096);
    // ELF header of a program for an unusual machine, a SPARC (elf(5)).
    program.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    program.set([2, 0, 43, 0, 1], 16);
    const image = await server.instance.imageOf({
      program,
      Dockerfile: 'FROM node:24-slim\nCOPY program /\nRUN chmod +x /program\nCMD ["/program"]\n',
    });
    const { failure } = await server.deploy(`${org}/program`, image, { runtime: "dockerfile" });
    assert.equal(failure?.code, "CONTAINER_REFUSED");
    assert.match(failure?.detail ?? "", /for another CPU than that of the node: exec \/program: exec format error$/);
  });

  test("has the last lines of a program that needs root", async () => {
    const image = await server.instance.imageOf({
      Dockerfile: 'FROM node:24-slim\nCOPY server.mjs /\nUSER root\nCMD ["node", "/server.mjs"]\n',
      "server.mjs": `import { chownSync } from "node:fs";
console.error("user", process.getuid());
chownSync("/tmp", 0, 0);
`,
    });
    const { failure } = await server.deploy(`${org}/root`, image, { runtime: "dockerfile" });
    assert.equal(failure?.code, "REPLICA_EXITED");
    const lines = failure?.lastLogLines.join("\n") ?? "";
    assert.match(lines, /^user 65532$/m);
    assert.match(lines, /EPERM: operation not permitted, chown/);
  });

  test("says that nothing listens on the port", async () => {
    const image = await server.instance.imageOf({
      Dockerfile: 'FROM node:24-slim\nCOPY server.mjs /\nUSER 1000\nCMD ["node", "/server.mjs"]\n',
      "server.mjs": 'console.log("waiting for nothing");\nsetInterval(() => {}, 1000);\n',
    });
    const { failure } = await server.deploy(`${org}/deaf`, image);
    assert.equal(failure?.code, "START_TIMEOUT");
    assert.match(failure?.detail ?? "", /Nothing listens on port 8080, or the function did not load within 10 s/);
    assert.deepEqual(failure?.lastLogLines, ["waiting for nothing"]);
  });
});
