/**
 * Sends malformed requests from a grammar, over raw sockets, to the gateway, the control API and both wrappers: none may end the process, stay open, leak
 * memory, or cause a 5xx.
 */
import { readFile } from "node:fs/promises";
import { connect, type NetConnectOpts } from "node:net";
import { join } from "node:path";
import { FaasProcess, type Random, type RunningServer, seeded } from "@faas/testing";
import { type Started, start } from "../../wrappers/contract.ts";
import { malformedRequest } from "../malformed-grammar.ts";
import { type FaultOptions, type FaultResult, type FaultRow, resultOf } from "../part.ts";

interface Target {
  readonly what: string;
  readonly at: NetConnectOpts;
  readonly pid: number;
  readonly targets: readonly string[];
  /** Valid request, to check at the end that the server still responds. */
  readonly good: string;
  hasEnded(): boolean;
}

/** Requests per target. */
const LONG_COUNT = 2_500;
const SHORT_COUNT = 250;
const CONCURRENCY = 32;
/** Time that a client waits for a response before it ends its side: an unfinished request never gets one. */
const RESPONSE_MS = 40;
/** Longest time from the end of the client's side to the end of the server's: a bound for a hanging connection. */
const CLOSE_MS = 8_000;
/** Allowed growth of resident memory: under load, the garbage collector of Node lets it grow by some tens of MiB. */
const MAX_GROWTH_BYTES = 64 * 2 ** 20;

const templates = join(import.meta.dirname, "../../../templates");

export async function run(
  options: FaultOptions,
  count = options.long ? LONG_COUNT : SHORT_COUNT,
): Promise<FaultResult> {
  const { seed, print } = options;
  await using faas = new FaasProcess();
  const up = await faas.up({ args: ["--log-level", "error"] });
  const { code, stderr } = await faas.deploy("x", { "index.mjs": "export const handler = () => ({ ok: true });" });
  if (code !== 0) throw new Error(`Cannot deploy the function: ${stderr}`);
  const language = (name: string, wrapper: string, command: string, file: string) =>
    ({ name, wrapper: join(templates, wrapper), command: [command], file }) as unknown as Parameters<typeof start>[0];
  await using node = await start(
    language("Node", "node/.interface.mjs", process.execPath, "index.mjs"),
    "export const handler = (event) => ({ ok: event.path });",
  );
  await using python = await start(
    language("Python", "python/.interface.py", process.env.FAAS_PYTHON ?? "python3", "main.py"),
    "def handler(event, context):\n    return {'ok': event['path']}\n",
  );
  await Promise.all([node.call("/"), python.call("/")]);
  const all = [...serverTargets(up), wrapperTarget("Node wrapper", node), wrapperTarget("Python wrapper", python)];
  const rows: FaultRow[] = [];
  for (const [index, target] of all.entries()) rows.push(await tryTarget(target, count, seed + index, print));
  const logged = up
    .stderr()
    .split("\n")
    .filter((line) => /^\{"level":[56]0/.test(line));
  for (const line of logged) print(`error in the server's log: ${line.slice(0, 1_000)}`);
  if (logged.length > 0)
    rows.push({ what: "errors in the server's log", faults: 0, tried: count, of: "requests", lost: logged.length });
  return resultOf(rows, print);
}

/** Describes the gateway and the control API of a server. */
function serverTargets({ url, child, pid }: RunningServer): readonly Target[] {
  const server = {
    at: { port: Number(new URL(url).port), host: "127.0.0.1" },
    pid,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
  };
  const digest = `sha256:${"0".repeat(64)}`;
  return [
    {
      what: "gateway",
      ...server,
      targets: ["/acme/x", "/acme/x/a?b=c", "/acme/x/%2e", "/acme/none", "/none/x", "/acme"],
      good: "GET /acme/x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    },
    {
      what: "control API",
      ...server,
      targets: [
        ...["/-/healthz", "/-/orgs", "/-/orgs/other", "/-/orgs/other/endpoints/y", "/-/orgs/%ff/endpoints", "/-/keys"],
        ...["/add_endpoint", "/-/audit", "/-/metrics", "/-/config", "/-/none", "/-/orgs/other/endpoints/y/logs?tail=x"],
        ...[`/-/bundles/${digest}`, "/-/bundles/none", "/-/orgs/a..b", "/-/orgs/other/keys", "/-/endpoints?x=%zz"],
      ],
      good: "GET /-/readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    },
  ];
}

function wrapperTarget(what: string, { socketPath, child }: Started): Target {
  return {
    what,
    at: { path: socketPath },
    pid: child.pid as number,
    targets: ["/", "/a?b=c", "/-/ready", "/%c3%a4?%zz=%ff&&=", "/?a=1&a=2"],
    good: "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
  };
}

/** Sends requests to a target, and checks its process in the meantime and afterwards. */
async function tryTarget(
  target: Target,
  count: number,
  seed: number,
  print: (line: string) => void,
): Promise<FaultRow> {
  const random = seeded(seed);
  const statuses = new Map<string, number>();
  const faults: string[] = [];
  let beforeBytes = 0;
  const sendSome = async (number: number) => {
    let left = number;
    const worker = async () => {
      while (left-- > 0 && !target.hasEnded()) {
        const bytes = malformedRequest(random, target.targets);
        const { text, fault } = await exchange(target.at, bytes, random);
        const found = Array.from(text.matchAll(/(?:^|\})HTTP\/1\.1 (\d{3}) /g), ([, status]) => status as string);
        for (const status of found.length > 0 ? found : ["closed"])
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        const serverError = found.find((status) => status >= "500");
        const wrong =
          text !== "" && !/^HTTP\/1\.1 \d{3} /.test(text) ? `response ${JSON.stringify(text.slice(0, 80))}` : undefined;
        const what = fault ?? (serverError ? `response ${serverError}: ${text.slice(0, 600)}` : wrong);
        if (what) faults.push(`${what}, to ${JSON.stringify(bytes.slice(0, 400))}`);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  };
  await sendSome(Math.ceil(count / 4));
  beforeBytes = await residentBytes(target.pid);
  await sendSome(count - Math.ceil(count / 4));
  if (target.hasEnded()) faults.push("the process ended");
  else {
    const { text } = await exchange(target.at, target.good, () => 1, CLOSE_MS);
    if (!text.startsWith("HTTP/1.1 200 "))
      faults.push(`no response to a valid request afterwards: ${text.slice(0, 200)}`);
  }
  const grown = (await residentBytes(target.pid)) - beforeBytes;
  if (grown > MAX_GROWTH_BYTES) faults.push(`memory grew by ${Math.round(grown / 2 ** 20)} MiB`);
  const seen = [...statuses].sort().map(([status, times]) => `${status} ${times}x`);
  for (const fault of faults.slice(0, 10)) print(`  ${fault}`);
  return {
    what: `malformed requests from a grammar, ${target.what}`,
    faults: count,
    tried: count,
    of: "requests",
    lost: faults.length,
    seen: `${seen.join(", ")}; memory growth ${(grown / 2 ** 20).toFixed(0)} MiB`,
  };
}

/** Sends the bytes in one or two writes, waits briefly for a response, ends its side, and waits for the end of the other side. */
async function exchange(
  at: NetConnectOpts,
  bytes: string,
  random: Random,
  responseMs = RESPONSE_MS,
): Promise<{ text: string; fault?: string }> {
  const socket = connect({ allowHalfOpen: true, ...at });
  let text = "";
  let broken = false;
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const ended = new Promise<void>((resolve) => socket.once("end", () => resolve()));
  socket.on("error", () => {
    broken = true;
  });
  const responded = new Promise<void>((resolve) => {
    socket.on("data", (data) => {
      text += data.toString("latin1");
      if (text.length > 2 ** 20) socket.destroy();
      if (responseMs === RESPONSE_MS) resolve();
    });
  });
  const first = random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length;
  socket.write(bytes.slice(0, first), "latin1");
  if (first < bytes.length) {
    await new Promise((resolve) => setImmediate(resolve));
    socket.write(bytes.slice(first), "latin1");
  }
  await within(responseMs, Promise.race([responded, ended, closed]));
  socket.end();
  const isOver = await within(CLOSE_MS, Promise.race([closed, ended]));
  socket.destroy();
  await closed;
  return isOver || broken
    ? { text }
    : { text, fault: `was still open ${CLOSE_MS / 1000} s after the client had ended` };
}

async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const done = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return done;
}

/** Returns the resident memory of a process on Linux, and 0 elsewhere. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}
