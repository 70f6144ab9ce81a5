import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { dockerAddress } from "./address.ts";
import { connectDocker } from "./engine.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "faas-docker-"));
});
after(() => rm(folder, { recursive: true, force: true }));

/** A Docker folder of its own; gives the environment that names it. */
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

test("DOCKER_HOST wins over contexts", async () => {
  const env = await dockerFolder("host", { "config.json": { currentContext: "other" } });
  for (const [host, expected = host] of [
    ["unix:///run/other.sock"],
    ["tcp://10.0.0.1:2375"],
    ["10.0.0.1:2375", "tcp://10.0.0.1:2375"],
    ["ssh://me@build.example.com"],
  ] as const) {
    const found = await dockerAddress({ ...env, DOCKER_HOST: host });
    assert.deepEqual(found, { host: expected, from: "DOCKER_HOST" });
  }
});

test("tcp with DOCKER_CERT_PATH is TLS; without DOCKER_TLS_VERIFY the engine's certificate is not checked", async () => {
  const env = await dockerFolder("tls", { "ca.pem": "CA", "cert.pem": "CERT", "key.pem": "KEY" });
  const given = { DOCKER_HOST: "tcp://10.0.0.1:2376", DOCKER_CERT_PATH: env.DOCKER_CONFIG };
  const tls = { ca: "CA", cert: "CERT", key: "KEY" };
  assert.deepEqual((await dockerAddress({ ...given, DOCKER_TLS_VERIFY: "1" })).tls, { ...tls, insecure: false });
  assert.deepEqual((await dockerAddress(given)).tls, { ...tls, insecure: true });
  await assert.rejects(dockerAddress({ ...given, DOCKER_CERT_PATH: join(folder, "gone") }), {
    code: "DOCKER_UNREACHABLE",
    message: /Expected ca\.pem, cert\.pem and key\.pem in .*gone/,
  });
});

test("the context of docker context use, and of DOCKER_CONTEXT before it", async () => {
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

test("a config.json that is no JSON is told of by its path", async () => {
  const env = await dockerFolder("broken", { "config.json": "{" });
  await assert.rejects(dockerAddress(env), { code: "CONFIG_INVALID", message: /broken\/config\.json is no JSON/ });
});

test("no Docker: where it was looked for, what is wrong there, and what works without it", async () => {
  const closed = createTcpServer().listen(0, "127.0.0.1");
  await new Promise((listening) => closed.once("listening", listening));
  const { port } = closed.address() as AddressInfo;
  await new Promise((done) => closed.close(done));
  for (const [host, reason] of [
    [`unix://${folder}/none.sock`, "there is no such socket"],
    [`tcp://127.0.0.1:${port}`, "nothing listens there"],
  ] as const) {
    await assert.rejects(connectDocker({ DOCKER_HOST: host }), (error: Error & { code: string }) => {
      assert.equal(error.code, "DOCKER_UNREACHABLE");
      for (const words of [host, reason, "DOCKER_HOST", "faas up", "without Docker"])
        assert.ok(error.message.includes(words), error.message);
      return true;
    });
  }
});

test("an engine is asked where DOCKER_HOST says, whatever this process's own environment says", async (t) => {
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
