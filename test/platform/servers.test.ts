import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { eventually, tempDir } from "@faas/testing";
import { listeningPorts, processTree } from "../../packages/platforms/src/embedded/server/process-tree.ts";
import { ServerNetwork } from "../../packages/platforms/src/embedded/server/server-network.ts";
import { type EmbeddedUnderTest, isRunning, logsOf, noSandbox, pidOf, startPlatform } from "./embedded-under-test.ts";
import { applyServer, C_SERVER, callServer, NODE_SERVER, runServer, statusOf } from "./server-bundles.ts";

const { mode, reason = "" } = await ServerNetwork.find();
const notPrivate = mode === "private" && !noSandbox ? false : `servers have no private network here: ${reason}`;
const node = { "server.mjs": NODE_SERVER };
const command = "node server.mjs";

for (const isolation of ["auto", "off"] as const)
  describe(`a server with isolation ${isolation}`, { concurrency: 4 }, () => {
    let under: EmbeddedUnderTest;
    before(async () => {
      under = await startPlatform({ isolation, startTimeoutMs: 20_000 });
    });
    after(() => under[Symbol.asyncDispose]());

    test("is started by its command, and listens on the port in PORT", async () => {
      const [, replica] = await runServer(under, "plain", node, { command });
      const environment = JSON.parse((await callServer(replica, "/environment")).slice(4));
      assert.match(environment.PORT, /^\d+$/);
      assert.equal(environment.HOST, environment.HOSTNAME);
      assert.equal(await callServer(replica, "/hello"), '200 "hello"');
    });

    test("may be a list of a program and its arguments", async () => {
      const [, replica] = await runServer(under, "list", node, { command: ["node", "server.mjs"] });
      assert.equal(await callServer(replica, "/hello"), '200 "hello"');
    });

    test("may be a module of Python", async () => {
      const files = { "page.txt": "from Python" };
      const settings = { runtime: "python", command: "python -m http.server $PORT" } as const;
      const [spec, replica] = await runServer(under, "module", files, settings);
      assert.equal(await callServer(replica, "/page.txt"), "200 from Python");
      await eventually("its request is logged", async () =>
        (await logsOf(under, spec)).some((line) => /page\.txt/.test(line)),
      );
    });

    test("may be a built program", { skip: spawnSync("cc", ["--version"]).error && "no C compiler" }, async () => {
      const folder = tempDir("program");
      try {
        execFileSync("cc", ["-x", "c", "-o", join(folder, "server"), "-"], { input: C_SERVER });
        const files = { server: readFileSync(join(folder, "server")) };
        const [, replica] = await runServer(under, "built", files, { runtime: "binary", command: ["./server"] });
        assert.equal(await callServer(replica, "/"), "200 from C");
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    test("gets SIGTERM when its calls are answered, also behind a shell", async () => {
      const handler = 'process.on("SIGTERM", () => { console.log("got SIGTERM"); process.exit(0); });';
      const files = { "server.mjs": NODE_SERVER + handler };
      const [spec, replica] = await runServer(under, "drained", files, { command: "true && node server.mjs && true" });
      const call = callServer(replica, "/slow");
      await eventually("the call is in flight", async () => (await logsOf(under, spec)).includes("in flight"));
      await under.platform.scale(spec, 0);
      assert.equal(await call, '200 "answered"');
      await eventually("the server got SIGTERM", async () => (await logsOf(under, spec)).includes("got SIGTERM"));
    });

    test("ends with all of its processes", async () => {
      const files = { "server.mjs": `${NODE_SERVER} console.log("pid " + process.pid);` };
      const [spec, replica] = await runServer(under, "ended", files, { command: "sleep 1000 & node server.mjs" });
      const pid = Number((await logsOf(under, spec)).find((line) => line.startsWith("pid "))?.slice(4));
      assert.ok(isRunning(pid));
      process.kill(await pidOf(under, replica.id), "SIGKILL");
      await eventually("the server has ended", () => !isRunning(pid));
      await under.platform.scale(spec, 0);
    });

    test("reaches other programs of this machine, and itself", async () => {
      const other = createServer((_, response) => response.end("other")).listen(0, "127.0.0.1");
      try {
        const [, replica] = await runServer(under, "outgoing", node, { command });
        const get = (url: string) => callServer(replica, `/get?url=${encodeURIComponent(url)}`);
        assert.equal(await get(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`), '200 "other"');
        const { PORT } = JSON.parse((await callServer(replica, "/environment")).slice(4));
        assert.equal(await get(`http://localhost:${PORT}/hello`), '200 "\\"hello\\""');
      } finally {
        other.close();
      }
    });

    test("is ready when its ready path responds with success", async () => {
      const slow = NODE_SERVER.replace("const actions = {", "const since = Date.now(); const actions = {").replace(
        "if (!action)",
        'if (pathname === "/health") return response.writeHead(Date.now() - since > 600 ? 200 : 503).end("x"); if (!action)',
      );
      const [, replica] = await runServer(under, "health", { "server.mjs": slow }, { command, readyPath: "/health" });
      assert.equal(await callServer(replica, "/health"), "200 x");
    });

    test("may have several replicas, which start at once", async () => {
      const spec = await applyServer(under, "many", node, { command, maxReplicas: 4 });
      await under.platform.scale(spec, 4);
      const { replicas } = await statusOf(
        under,
        spec,
        (status) => status.replicas.filter(({ ready }) => ready).length === 4,
      );
      assert.equal(new Set(replicas.map(({ address }) => address)).size, 4);
      for (const replica of replicas) assert.equal(await callServer(replica, "/hello"), '200 "hello"');
    });

    test("is ended when its processes use more memory than its limit together", async () => {
      const files = {
        "server.mjs": `import { fork } from "node:child_process"; ${NODE_SERVER} fork("child.mjs");`,
        "child.mjs": "globalThis.x = Buffer.alloc(200 * 2 ** 20, 1); setInterval(() => {}, 1e6);",
      };
      const spec = await applyServer(under, "large", files, { command, memory: "128Mi" });
      await under.platform.scale(spec, 1);
      const isOver = ({ failure, ended = [] }: Awaited<ReturnType<typeof statusOf>>) =>
        [failure, ...ended].some((end) => end?.code === "OUT_OF_MEMORY");
      await statusOf(under, spec, isOver);
      await under.platform.scale(spec, 0);
    });

    for (const [what, command, expected] of [
      [
        "a missing program",
        "gunicorn app:app",
        /^A program of the command "gunicorn app:app" was not found \(exit code 127\)/,
      ],
      [
        "a missing program in a list",
        ["gunicorn", "app:app"],
        /^A program of the command "gunicorn app:app" was not found/,
      ],
      [
        "a command that ends",
        "true",
        /^The command "true" ended with exit code 0 instead of listening on port \d+ \(\$PORT\)/,
      ],
      ["a command that fails", "echo no >&2; exit 3", /ended with exit code 3 before it listened on port \d+/],
    ] as const)
      test(`reports ${what}`, async () => {
        const spec = await applyServer(under, `fails-${what.replaceAll(" ", "-")}`, node, { command });
        await under.platform.scale(spec, 1);
        const { failure } = await statusOf(under, spec, (status) => status.failure !== undefined);
        assert.equal(failure?.code, "REPLICA_EXITED");
        assert.match(failure?.detail ?? "", expected);
        await under.platform.scale(spec, 0);
      });
  });

test("a server that listens on another port is reported with that port", async () => {
  await using under = await startPlatform({ startTimeoutMs: 2_000 });
  const spec = await applyServer(
    under,
    "x",
    { "server.mjs": NODE_SERVER.replace("listen(process.env.PORT,", "listen(4321,") },
    { command },
  );
  await under.platform.scale(spec, 1);
  const { failure } = await statusOf(under, spec, (status) => status.failure !== undefined);
  assert.equal(failure?.code, "START_TIMEOUT");
  assert.match(
    failure?.detail ?? "",
    /^The server listens on port 4321, not on port \d+: it must listen on the port in the/,
  );
});

test("a server that never listens, and one whose ready path fails, are reported", async () => {
  await using under = await startPlatform({ startTimeoutMs: 2_000 });
  const silent = await applyServer(under, "silent", {}, { command: "sleep 1000" });
  const unready = await applyServer(under, "unready", node, { command, readyPath: "/health" });
  for (const spec of [silent, unready]) await under.platform.scale(spec, 1);
  const failureOf = async (spec: typeof silent) =>
    (await statusOf(under, spec, (status) => status.failure !== undefined)).failure?.detail ?? "";
  assert.match(
    await failureOf(silent),
    /^The server did not listen on port \d+, the environment variable PORT, within 2 s$/,
  );
  assert.match(await failureOf(unready), /^GET \/health responded with status 404 for 2 s, expected 2xx or 3xx/);
});

test("a server whose port another program takes gets another port", async () => {
  await using under = await startPlatform({ isolation: "off" });
  const loser =
    'import { existsSync, writeFileSync } from "node:fs"; if (!existsSync(process.env.MARK)) { writeFileSync(process.env.MARK, ""); throw new Error("listen EADDRINUSE"); }';
  const files = { "server.mjs": `${loser} ${NODE_SERVER}` };
  const [, replica] = await runServer(under, "x", files, { command, env: { MARK: join(under.dataDir, "mark") } });
  assert.equal(await callServer(replica, "/hello"), '200 "hello"');
});

test("a server without a command is rejected", async () => {
  await using under = await startPlatform();
  await assert.rejects(applyServer(under, "x", node, {}), { code: "INVALID_REQUEST", message: /pass --command/ });
});

describe("a server that listens on all addresses", { skip: notPrivate }, () => {
  test("is reachable neither from the network nor from functions and servers of others", async () => {
    await using under = await startPlatform();
    const [, replica] = await runServer(under, "mine", node, { command });
    const { PORT } = JSON.parse((await callServer(replica, "/environment")).slice(4));
    const [, other] = await runServer(
      under,
      "other",
      node,
      { command: "PORT=9090 node server.mjs & node server.mjs" },
      "other",
    );
    // The other server's own port, so that a refusal is not due to the test.
    const own = `/get?url=${encodeURIComponent("http://127.0.0.1:9090/hello")}`;
    await eventually("both listen", async () => (await callServer(other, own)) === '200 "\\"hello\\""');
    assert.equal(await callServer(replica, own), '200 "ECONNREFUSED"');
    const addresses = [
      "127.0.0.1",
      ...Object.values(networkInterfaces())
        .flat()
        .flatMap((each) => (each && each.family === "IPv4" && !each.internal ? [each.address] : [])),
    ];
    for (const port of [PORT, "9090"])
      for (const address of addresses) {
        const text = await fetch(`http://${address}:${port}/hello`).then(
          (response) => response.text(),
          () => "",
        );
        assert.notEqual(text, '"hello"', `${address}:${port} is reachable`);
      }
    assert.match(under.platform.isolation, /servers listen in a network for each server$/);
  });

  test("listens on 127.0.0.1 where it can have no network of its own", async () => {
    const [program, ...args] = (await ServerNetwork.find()).command(["node", "-e", LISTENER]);
    const port = await freePort();
    const child = spawn(
      program,
      args.map((each) => (each === "private" ? "loopback" : each)),
      {
        env: { ...process.env, PORT: String(port) },
        stdio: ["ignore", "pipe", "inherit", "ipc"],
        detached: true,
      },
    );
    try {
      await once(child.stdout as Readable, "data");
      assert.deepEqual([...listeningPorts(processTree(child.pid as number))], [port]);
      const local = readFileSync("/proc/net/tcp", "utf8")
        .split("\n")
        .map((line) => line.trim().split(" ")[1] ?? "");
      const bound = local.filter((each) => each.endsWith(`:${port.toString(16).toUpperCase().padStart(4, "0")}`));
      assert.deepEqual(bound, [`0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`]);
    } finally {
      process.kill(-(child.pid as number), "SIGKILL");
    }
  });
});

const LISTENER =
  'require("node:net").createServer().listen(process.env.PORT, "0.0.0.0", () => console.log("listening"))';

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
