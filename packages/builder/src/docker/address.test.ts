import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { dockerAddress } from "./address.ts";
import { connectDocker } from "./engine.ts";

const folder = tempDir("docker");

/** Writes a Docker configuration folder and returns the environment that selects it. */
async function dockerFolder(name: string, files: Readonly<Record<string, unknown>>) {
  const path = join(folder, name);
  for (const [file, content] of Object.entries(files)) {
    await mkdir(join(path, file, ".."), { recursive: true });
    await writeFile(join(path, file), typeof content === "string" ? content : JSON.stringify(content));
  }
  return { DOCKER_CONFIG: path, HOME: folder };
}

const idOf = (context: string) => createHash("sha256").update(context).digest("hex");
const context = (name: string, docker: object) => ({
  [`contexts/meta/${idOf(name)}/meta.json`]: { Name: name, Endpoints: { docker } },
});

test("DOCKER_HOST takes precedence over contexts", async () => {
  const env = await dockerFolder("host", { "config.json": { currentContext: "other" } });
  for (const [host, normalized = host] of [
    ["unix:///run/other.sock"],
    ["tcp://10.0.0.1:2375"],
    ["10.0.0.1:2375", "tcp://10.0.0.1:2375"],
    ["ssh://me@build.example.com"],
  ] as const) {
    const address = await dockerAddress({ ...env, DOCKER_HOST: host });
    assert.deepEqual(address, { host: normalized, from: "DOCKER_HOST" });
  }
});

test("DOCKER_CERT_PATH switches TLS on; only DOCKER_TLS_VERIFY makes the engine's certificate checked", async () => {
  const { DOCKER_CONFIG } = await dockerFolder("tls", { "ca.pem": "CA", "cert.pem": "CERT", "key.pem": "KEY" });
  const env = { DOCKER_HOST: "tcp://10.0.0.1:2376", DOCKER_CERT_PATH: DOCKER_CONFIG };
  const tls = { ca: "CA", cert: "CERT", key: "KEY" };
  assert.deepEqual((await dockerAddress({ ...env, DOCKER_TLS_VERIFY: "1" })).tls, { ...tls, insecure: false });
  assert.deepEqual((await dockerAddress(env)).tls, { ...tls, insecure: true });
  await assert.rejects(dockerAddress({ ...env, DOCKER_CERT_PATH: join(folder, "gone") }), {
    code: "DOCKER_UNREACHABLE",
    message: /Expected ca\.pem, cert\.pem and key\.pem in .*gone/,
  });
});

test("uses the context of DOCKER_CONTEXT, else the one chosen with docker context use", async () => {
  const env = await dockerFolder("contexts", {
    "config.json": { currentContext: "desk" },
    ...context("desk", { Host: "unix:///run/desk.sock" }),
    ...context("far", { Host: "tcp://10.0.0.9:2376", SkipTLSVerify: true }),
    [`contexts/tls/${idOf("far")}/docker/ca.pem`]: "CA",
  });
  assert.deepEqual(await dockerAddress(env), { host: "unix:///run/desk.sock", from: 'the Docker context "desk"' });
  const far = await dockerAddress({ ...env, DOCKER_CONTEXT: "far" });
  assert.deepEqual([far.host, far.tls], ["tcp://10.0.0.9:2376", { ca: "CA", insecure: true }]);
  const local = await dockerAddress({ ...env, DOCKER_CONTEXT: "default" });
  assert.equal(local.from, "the local socket");
  await assert.rejects(dockerAddress({ ...env, DOCKER_CONTEXT: "gone" }), {
    code: "DOCKER_UNREACHABLE",
    message: /There is no Docker context "gone"/,
  });
});

test("the error for a malformed config.json names its path", async () => {
  const env = await dockerFolder("broken", { "config.json": "{" });
  await assert.rejects(dockerAddress(env), {
    code: "CONFIG_INVALID",
    message: /broken\/config\.json is not valid JSON/,
  });
});

test("the error for a missing engine names its address, the reason, and the way to do without Docker", async () => {
  for (const [host, reason] of [
    [`unix://${folder}/none.sock`, "the socket does not exist"],
    ["tcp://127.0.0.1:1", "connection refused"],
  ] as const) {
    await assert.rejects(connectDocker({ DOCKER_HOST: host }), (error: Error & { code: string }) => {
      assert.equal(error.code, "DOCKER_UNREACHABLE");
      for (const words of [host, reason, "DOCKER_HOST", "faas up", "without Docker"])
        assert.ok(error.message.includes(words), error.message);
      return true;
    });
  }
});

test("connects to the given DOCKER_HOST even if the process environment has another one", async (t) => {
  const paths: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url);
    response.end("OK");
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await new Promise((listening) => server.once("listening", listening));
  const before = process.env.DOCKER_HOST;
  process.env.DOCKER_HOST = "tcp://127.0.0.1:1";
  t.after(() => {
    if (before === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = before;
  });
  await connectDocker({ DOCKER_HOST: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}` });
  assert.deepEqual(paths, ["/_ping"]);
});
