/**
 * `npm run performance`: what the embedded platform promises, measured against a baseline in the same run, as the Markdown table that
 * docs/performance.md holds. Runs are interleaved, so that noise hits both sides alike; figures are medians.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { cpuSeconds } from "./cpu-seconds.ts";
import { median, type Row, ratio, table, timed } from "./table.ts";
import { tenThousand } from "./ten-thousand.ts";

const root = join(import.meta.dirname, "../..");
const faas = join(root, "packages/cli/bin/faas.js");
const folder = await mkdtemp(join(tmpdir(), "faas-performance-"));
const env: NodeJS.ProcessEnv = {
  ...process.env,
  FAAS_DATA: join(folder, "data"),
  XDG_CACHE_HOME: join(folder, "cache"),
  NO_COLOR: "1",
};

const rows: Row[] = [];
const server = await startServer();
try {
  rows.push(await version(), await unchangedDeploy(), await coldStart(), ...(await idleServer()));
} finally {
  server.kill("SIGTERM");
  await once(server, "exit");
  await rm(folder, { recursive: true, force: true });
}
rows.push(...(await tenThousand()));
process.stdout.write(table(rows));

async function version(): Promise<Row> {
  const ours: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < 15; i++) {
    bare.push(await timed(() => run(["-e", "0"])));
    ours.push(await timed(() => run([faas, "--version"])));
  }
  return ratio("`faas --version`", "`node -e 0`", median(ours), median(bare), 1.5);
}

async function unchangedDeploy(): Promise<Row> {
  const args = [faas, "deploy", join(root, "templates/node/demo-invert"), "--org", "acme", "--endpoint", "same"];
  await run(args);
  const times: number[] = [];
  for (let i = 0; i < 7; i++) times.push(await timed(() => run(args)));
  const ms = median(times);
  return {
    measure: "`faas deploy`, unchanged",
    baseline: "",
    ours: `${ms.toFixed(0)} ms`,
    value: ms,
    goal: 1000,
    unit: "ms",
  };
}

/** From zero replicas to the answer through the gateway, against starting a process until its first answer. */
async function coldStart(): Promise<Row> {
  const source = join(folder, "tiny");
  await mkdir(source);
  await writeFile(join(source, "index.mjs"), 'export const handler = () => ({ message: "hello" });\n');
  await run([faas, "deploy", source, "--org", "acme", "--endpoint", "tiny", "--idle-timeout", "100ms"]);
  const bareFile = join(folder, "bare.mjs");
  await writeFile(
    bareFile,
    `import { createServer } from "node:http";\ncreateServer((_, response) => response.end('{"message":"hello"}')).listen(process.env.PORT);\n`,
  );
  const ours: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < 20; i++) {
    bare.push(await bareStart(bareFile));
    await untilIdle("tiny");
    ours.push(
      await timed(async () => {
        const answer = await fetch(`${env.FAAS_SERVER}/acme/tiny`);
        await answer.text();
        if (answer.headers.get("x-cold-start") !== "true") throw new Error("expected a cold start");
      }),
    );
  }
  return ratio(
    "cold start of a Node function, request to answer",
    "a bare `node:http` process, start to first answer",
    median(ours),
    median(bare),
    1.3,
  );
}

async function bareStart(file: string): Promise<number> {
  const { existsSync } = await import("node:fs");
  const { request } = await import("node:http");
  const socketPath = join(folder, "bare.sock");
  await rm(socketPath, { force: true });
  const began = performance.now();
  const child = spawn(process.execPath, [file], { env: { ...process.env, PORT: socketPath }, stdio: "ignore" });
  const ask = () =>
    new Promise<boolean>((resolve) => {
      request({ socketPath, agent: false }, (answer) => answer.resume().on("end", () => resolve(true)))
        .on("error", () => resolve(false))
        .end();
    });
  // The file is there a moment before somebody listens.
  while (!existsSync(socketPath) || !(await ask())) await delay(2);
  const took = performance.now() - began;
  child.kill("SIGKILL");
  await once(child, "exit");
  return took;
}

/** A server with 100 endpoints that nobody calls. */
async function idleServer(): Promise<Row[]> {
  const { endpoints } = (await (await fetch(`${env.FAAS_SERVER}/-/endpoints`)).json()) as {
    endpoints: { image: string }[];
  };
  for (let i = 0; i < 100; i++) {
    const body = JSON.stringify({
      org: "idle",
      endpoint: `e${i}`,
      image: endpoints[0]?.image,
      replicas: 1,
      runtime: "node",
      idleTimeout: "100ms",
    });
    await (
      await fetch(`${env.FAAS_SERVER}/add_endpoint`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
      })
    ).text();
    if (i % 5 === 4) await untilIdle(`e${i}`, "idle");
  }
  await run([faas, "remove", "acme", "--all", "--yes"]);
  for (let i = 0; i < 100; i++) await untilIdle(`e${i}`, "idle");
  // Until it has given back what the deployments took: that is done once.
  await delay(8_000);
  const seconds = 10;
  const before = await cpuSeconds(server.pid as number);
  await delay(seconds * 1000);
  const share = ((await cpuSeconds(server.pid as number)) - before) / seconds;
  const status = await readFile(`/proc/${server.pid}/status`, "utf8");
  const resident = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  return [
    {
      measure: "idle server, 100 endpoints: memory",
      baseline: "",
      ours: `${resident.toFixed(0)} MiB`,
      value: resident,
      goal: 100,
      unit: "MiB",
    },
    {
      measure: `idle server, 100 endpoints: CPU over ${seconds} s`,
      baseline: "",
      ours: `${(share * 100).toFixed(2)}%`,
      value: share * 100,
      goal: 1,
      unit: "% of a core",
    },
  ];
}

async function untilIdle(endpoint: string, org = "acme"): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const view = (await (await fetch(`${env.FAAS_SERVER}/-/orgs/${org}/endpoints/${endpoint}`)).json()) as {
      phase: string;
      replicas: unknown[];
    };
    if (view.phase === "idle" && view.replicas.length === 0) return;
    if (Date.now() > deadline) throw new Error(`${org}/${endpoint} does not go idle: ${JSON.stringify(view)}`);
    await delay(50);
  }
}

async function startServer(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [faas, "up", "--port", "0"], { env, stdio: ["ignore", "pipe", "ignore"] });
  const [url] = await once(child.stdout as NodeJS.ReadableStream, "data");
  env.FAAS_SERVER = String(url).trim();
  return child;
}

async function run(args: string[]): Promise<void> {
  const child = spawn(process.execPath, args, { env, stdio: "ignore" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${args.join(" ")} ended with exit code ${code}`);
}
