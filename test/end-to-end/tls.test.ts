import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Agent, get } from "node:https";
import { connect as connectPlain } from "node:net";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { startServer } from "@faas/server";
import { createCertificate, createExpiredCertificate, noOpenssl, tempDir } from "@faas/testing";
import { checkServer } from "../../packages/cli/src/doctor/checks.ts";
import { runHere, startHere } from "../../packages/cli/src/testing/test-cli.ts";

const skip = noOpenssl() ?? false;

/** Starts `faas up` with a certificate; `run` runs commands that do not trust it. */
async function startSecure(
  t: TestContext,
  folder: string,
  made = createCertificate(folder, "server"),
  ...more: string[]
) {
  const args = ["--port", "0", "--data", join(folder, "data"), "--tls-cert", made.cert, "--tls-key", made.key];
  const up = startHere(t, ["up", "--log-level", "silent", ...args, ...more], { cwd: folder });
  const [url] = await up.printed(/^https:\S+(?=\n)/m);
  const run = (argv: readonly string[], env: Record<string, string> = {}, typed?: string) =>
    runHere(t, argv, {
      cwd: folder,
      env: { FAAS_SERVER: url, XDG_CONFIG_HOME: folder, ...env },
      ...(typed === undefined ? {} : { typed }),
    });
  return { up, url, run, made };
}

test("every command works over HTTPS once it trusts the server's certificate", { skip }, async (t) => {
  const folder = tempDir("tls");
  const { up, url, run, made } = await startSecure(t, folder, undefined, "--auth", "on");
  const [admin] = await up.printed(/faas_admin_\w+/);
  const unknown = await run(["list"]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /not trusted: it is self-signed.*\(CERTIFICATE_UNTRUSTED\)\n.*--ca FILE/);

  const login = await run(["login", "--ca", made.cert], {}, `${admin}\n`);
  assert.equal(login.code, 0, login.stderr);
  const source = join(folder, "hello");
  await mkdir(source);
  const code = 'export const handler = ({ headers }) => (console.log("called"), headers["x-forwarded-proto"]);\n';
  await writeFile(join(source, "index.mjs"), code);
  for (const [argv, output] of [
    [
      ["deploy", source, "--org", "acme", "--endpoint", "hello"],
      /^https:\/\/.*\/acme\/hello$[\s\S]*try: faas invoke acme\/hello/m,
    ],
    [["invoke", "acme/hello"], /^https$/m],
    [["logs", "acme/hello"], /called/],
    [["bench", "acme/hello", "--threads", "1", "--iterations", "2"], /2 requests|2 answers|requests/],
    [["list"], /hello/],
  ] as const) {
    const { code, stdout, stderr } = await run(argv);
    assert.equal(code, 0, `${argv[0]}: ${stderr}`);
    assert.match(stdout + stderr, output, argv[0]);
  }
  const checked = await checkServer(url, true, "", admin, await readFile(made.cert, "utf8"));
  assert.match(checked.found, new RegExp(`^${url}, version .*, isolation `));
  assert.match((await checkServer(url, true, "", admin)).found, /not trusted: it is self-signed/);
  // Login stored the content of the file.
  await rm(made.cert);
  assert.equal((await run(["list"])).code, 0);
  // The certificate of another server does not match.
  const other = createCertificate(folder, "other");
  assert.match((await run(["list"], { FAAS_CA: other.cert })).stderr, /CERTIFICATE_UNTRUSTED/);
  assert.match((await run(["list", "--ca", "nothing.pem"])).stderr, /Expected a certificate in .*nothing\.pem/);
});

test("commands report a certificate that has expired or is for another name", { skip }, async (t) => {
  for (const [create, reason] of [
    [createExpiredCertificate, /it has expired/],
    [createForeignCertificate, /it is for another name \(IP: 127\.0\.0\.1 is not in/],
  ] as const) {
    const folder = tempDir("tls");
    const made = create(folder, "server");
    const { run } = await startSecure(t, folder, made);
    const { code, stderr } = await run(["list"], { FAAS_CA: made.cert });
    assert.equal(code, 1);
    assert.match(stderr, reason);
    assert.match(stderr, /\(CERTIFICATE_UNTRUSTED\)\n/);
  }
});

const createForeignCertificate = (folder: string, name: string) =>
  createCertificate(folder, name, "DNS:elsewhere.example");

test("HTTP to the HTTPS port, and HTTPS to the HTTP port, get an error that names the protocol", {
  skip,
}, async (t) => {
  const folder = tempDir("tls");
  const { url, run } = await startSecure(t, folder);
  const plain = url.replace("https:", "http:");
  const response = await fetch(`${plain}/acme/x`);
  assert.equal(response.status, 400);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  assert.equal(((await response.json()) as { code: string }).code, "TLS_REQUIRED");
  for (const argv of [["list"], ["invoke", "acme/x"]]) {
    const { code, stderr } = await run(argv, { FAAS_SERVER: plain });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`expects HTTPS.*\\(TLS_REQUIRED\\)\\n.*${url}`));
  }
  const up = startHere(t, ["up", "--log-level", "silent", "--port", "0", "--data", join(folder, "plain")], {
    cwd: folder,
  });
  const [open] = await up.printed(/^http:\S+(?=\n)/m);
  const mistaken = await run(["list"], { FAAS_SERVER: open.replace("http:", "https:") });
  assert.match(mistaken.stderr, new RegExp(`does not speak HTTPS.*\\n.*${open}`));
});

test("the server loads a renewed certificate without dropping connections, and ignores an incomplete one", {
  skip,
}, async (t) => {
  const folder = tempDir("tls");
  const made = createCertificate(folder, "server");
  const log = new PassThrough({ encoding: "utf8" });
  const logged = (pattern: RegExp) => untilMatch(log, pattern);
  const server = await startServer({ port: 0, dataDir: join(folder, "data"), tls: made, logTo: log });
  t.after(() => server.stop());
  const { url } = server;
  const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  t.after(() => agent.destroy());
  const first = await call(`${url}/-/healthz`, agent);
  const before = await serial(url);
  const renewed = createCertificate(folder, "renewed");

  await copyFile(renewed.cert, made.cert);
  await logged(/new certificate is invalid, still using the previous one: The private key in .* is not that of/);
  assert.equal(await serial(url), before);
  await copyFile(renewed.key, made.key);
  await logged(/certificate reloaded/);
  const after = await serial(url);
  assert.notEqual(after, before);
  assert.equal(await call(`${url}/-/healthz`, agent), first, "the same connection");

  await writeFile(made.key, "-----BEGIN PRIVATE KEY-----\nMIIhalf");
  await logged(/still using the previous one: Expected .*server\.key to hold a private key/);
  assert.equal(await serial(url), after);
  // A mounted Secret changes like this: the same link leads to another folder.
  await writeFile(made.key, "");
  const old = createExpiredCertificate(folder, "old");
  await rm(made.cert);
  await rm(made.key);
  await symlink(old.cert, made.cert);
  await symlink(old.key, made.key);
  await logged(/the certificate in .* expired on 2020-01-02/);
  assert.equal(await call(`${url}/-/healthz`, agent), first);
});

/** Reads a log until a line matches. */
async function untilMatch(log: PassThrough, pattern: RegExp): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  for (let text = ""; !pattern.test(text); ) {
    const chunk = log.read();
    if (chunk === null) await once(log, "readable", { signal });
    else text += chunk;
  }
}

test("WebSockets work over TLS, and TLS older than 1.2 is rejected", { skip }, async (t) => {
  const folder = tempDir("tls");
  const { url, made, run } = await startSecure(t, folder);
  const source = join(folder, "ws");
  await mkdir(source);
  await writeFile(join(source, "index.mjs"), ECHO);
  assert.equal((await run(["deploy", source, "--org", "acme", "--endpoint", "ws"], { FAAS_CA: made.cert })).code, 0);
  const socket = await handshake(url);
  assert.equal(socket.alpnProtocol, "http/1.1");
  socket.write(
    "GET /acme/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  assert.match(String((await once(socket, "data"))[0]), /^HTTP\/1\.1 101 /);
  socket.write("there and back");
  assert.equal(String((await once(socket, "data"))[0]), "there and back");
  socket.destroy();
  await assert.rejects(handshake(url, { maxVersion: "TLSv1.1", minVersion: "TLSv1" }));
});

test("a server with an unusable certificate or key does not start, and names the problem", { skip }, async (t) => {
  const folder = tempDir("tls");
  const one = createCertificate(folder, "one");
  const two = createCertificate(folder, "two");
  await writeFile(join(folder, "empty.pem"), "");
  for (const [cert, key, message] of [
    [join(folder, "none.crt"), one.key, /server's certificate in .*none\.crt: the file is missing/],
    [one.cert, join(folder, "none.key"), /server's private key in .*none\.key: the file is missing/],
    [one.cert, two.key, /The private key in .*two\.key is not that of the certificate in .*one\.crt/],
    [join(folder, "empty.pem"), one.key, /Expected .*empty\.pem to hold a certificate in PEM/],
    [folder, one.key, /it is a folder/],
  ] as const) {
    const args = ["--port", "0", "--data", join(folder, "data"), "--tls-cert", cert, "--tls-key", key];
    const { code, stderr } = await runHere(t, ["up", ...args], { cwd: folder });
    assert.equal(code, 1);
    assert.match(stderr, message);
    assert.match(stderr, /CERTIFICATE_INVALID/);
  }
  const { code, stderr } = await runHere(t, ["up", "--port", "0", "--tls-cert", one.cert], { cwd: folder });
  assert.equal(code, 2);
  assert.match(stderr, /--tls-cert and --tls-key together/);
});

test("a silent connection does not keep a server from stopping", { skip }, async (t) => {
  const folder = tempDir("tls");
  const { url, up } = await startSecure(t, folder);
  const { port } = new URL(url);
  const socket = connectPlain(Number(port), "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  const began = performance.now();
  up.interrupt();
  await up.ended;
  // A client has 10 s for its first byte; the server must not wait for that.
  assert.ok(performance.now() - began < 9_000);
  socket.destroy();
});

/** Source of a function that accepts upgrades on its wrapper's server, and echoes the bytes. */
const ECHO = `
import { createServer } from "node:http";
createServer((request, response) => response.end())
  .on("upgrade", (request, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n\\r\\n");
    socket.pipe(socket);
  })
  .listen(process.env.PORT);
`;

/** Sends a request, and returns the local port of its connection. */
async function call(url: string, agent: Agent): Promise<number> {
  const outgoing = get(url, { agent });
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  const { localPort } = response.socket;
  await text(response);
  return localPort as number;
}

async function handshake(url: string, options: object = {}): Promise<TLSSocket> {
  const { port } = new URL(url);
  const ALPNProtocols = ["h2", "http/1.1"];
  const socket = connect({
    port: Number(port),
    host: "127.0.0.1",
    rejectUnauthorized: false,
    ALPNProtocols,
    ...options,
  });
  await once(socket, "secureConnect");
  return socket;
}

async function serial(url: string): Promise<string> {
  const socket = await handshake(url);
  const { serialNumber } = socket.getPeerCertificate() as DetailedPeerCertificate;
  socket.destroy();
  return serialNumber;
}

test("the connection limit closes the longest idle TLS connection, even before its handshake", {
  skip,
}, async (t) => {
  const folder = tempDir("tls");
  const { url } = await startSecure(
    t,
    folder,
    undefined,
    "--max-connections",
    "3",
    "--max-connections-per-address",
    "3",
  );
  const { port, hostname: host } = new URL(url);
  const silent = connectPlain(Number(port), host);
  t.after(() => silent.destroy());
  const silentClosed = once(silent, "close");
  silent.on("error", () => {});
  await once(silent, "connect");
  const open = async () => {
    const socket = connect({ port: Number(port), host, rejectUnauthorized: false });
    t.after(() => socket.destroy());
    socket.on("error", () => {});
    socket.write("GET /-/healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    const [bytes] = await once(socket, "data");
    assert.match(String(bytes), /^HTTP\/1.1 200/);
    return socket;
  };
  const [first, second] = [await open(), await open()];
  const firstClosed = once(first, "close");
  await open();
  await silentClosed;
  await open();
  await firstClosed;
  assert.equal(second.destroyed, false);
});
