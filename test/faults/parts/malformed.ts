/**
 * Malformed requests by a grammar, over raw sockets, at the gateway, the control API and both wrappers: none may end it, hang, cost memory, or be answered
 * by an error that is ours.
 */
import { readFile } from "node:fs/promises";
import { connect, type NetConnectOpts } from "node:net";
import { join } from "node:path";
import { FaasProcess } from "@faas/testing";
import { start } from "../../wrappers/contract.ts";
import { malformedRequest, type Random, randomBy } from "../malformed-grammar.ts";
import { type FaultOptions, type FaultResult, resultOf, type Tried } from "../part.ts";

interface Target {
  readonly what: string;
  readonly at: NetConnectOpts;
  readonly pid: number;
  readonly targets: readonly string[];
  /** A good request, to see at the end that it still answers. */
  readonly good: string;
  hasEnded(): boolean;
}

/** Requests to each of the four. */
const LONG_COUNT = 2_500;
const SHORT_COUNT = 250;
const AT_ONCE = 32;
/** So long a client waits for an answer before it ends its side; what is malformed is answered in less, and what is unfinished not at all. */
const ANSWER_MS = 40;
/** From when the client has ended its side until the server has ended its own. */
const CLOSE_MS = 8_000;
/** What is live stays the same; the collector of Node lets the memory of a server under load grow by some tens of MiB before it gives any back. */
const GROWTH_MOST_BYTES = 64 * 2 ** 20;

const templates = join(import.meta.dirname, "../../../templates");

export async function run(
  options: FaultOptions,
  count = options.long ? LONG_COUNT : SHORT_COUNT,
): Promise<FaultResult> {
  const { seed, print } = options;
  await using faas = await FaasProcess.create();
  const up = await faas.up({ args: ["--log-level", "error"] });
  const { code, stderr } = await faas.deploy("x", { "index.mjs": "export const handler = () => ({ ok: true });" });
  if (code !== 0) throw new Error(`The function could not be deployed: ${stderr}`);
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
  const port = Number(new URL(up.url).port);
  const server = {
    at: { port, host: "127.0.0.1" },
    pid: up.child.pid as number,
    hasEnded: () => up.child.exitCode !== null || up.child.signalCode !== null,
  };
  const wrapper = ({ socketPath, child }: typeof node) => ({
    at: { path: socketPath },
    pid: child.pid as number,
    targets: ["/", "/a?b=c", "/-/ready", "/%c3%a4?%zz=%ff&&=", "/?a=1&a=2"],
    good: "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
  });
  const digest = `sha256:${"0".repeat(64)}`;
  const all: readonly Target[] = [
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
    { what: "Node wrapper", ...wrapper(node) },
    { what: "Python wrapper", ...wrapper(python) },
  ];
  const rows: Tried[] = [];
  for (const [index, target] of all.entries()) rows.push(await tryTarget(target, count, seed + index, print));
  const logged = up
    .stderr()
    .split("\n")
    .filter((line) => /^\{"level":[56]0/.test(line));
  for (const line of logged) print(`the server's log has an error: ${line.slice(0, 1_000)}`);
  if (logged.length > 0)
    rows.push({ what: "errors in the server's log", faults: 0, tried: count, of: "requests", lost: logged.length });
  return resultOf(rows, print);
}

async function tryTarget(target: Target, count: number, seed: number, print: (line: string) => void): Promise<Tried> {
  const random = randomBy(seed);
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
        const ours = found.find((status) => status >= "500");
        const wrong =
          text !== "" && !/^HTTP\/1\.1 \d{3} /.test(text) ? `answered ${JSON.stringify(text.slice(0, 80))}` : undefined;
        const what = fault ?? (ours ? `answered ${ours}: ${text.slice(0, 600)}` : wrong);
        if (what) faults.push(`${what}, to ${JSON.stringify(bytes.slice(0, 400))}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  };
  await sendSome(Math.ceil(count / 4));
  beforeBytes = await residentBytes(target.pid);
  await sendSome(count - Math.ceil(count / 4));
  if (target.hasEnded()) faults.push("its process ended");
  else {
    const { text } = await exchange(target.at, target.good, () => 1, 5_000);
    if (!text.startsWith("HTTP/1.1 200 "))
      faults.push(`does not answer a good request afterwards: ${text.slice(0, 200)}`);
  }
  const grown = (await residentBytes(target.pid)) - beforeBytes;
  if (grown > GROWTH_MOST_BYTES) faults.push(`memory grew by ${Math.round(grown / 2 ** 20)} MiB`);
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

/** Sends the bytes in one to three writes, waits a moment for an answer, ends, and waits for the end of the other side. */
async function exchange(
  at: NetConnectOpts,
  bytes: string,
  random: Random,
  answerMs = ANSWER_MS,
): Promise<{ text: string; fault?: string }> {
  const socket = connect({ allowHalfOpen: true, ...at });
  let text = "";
  let broken = false;
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const ended = new Promise<void>((resolve) => socket.once("end", () => resolve()));
  socket.on("error", () => {
    broken = true;
  });
  const answered = new Promise<void>((resolve) => {
    socket.on("data", (data) => {
      text += data.toString("latin1");
      if (text.length > 2 ** 20) socket.destroy();
      if (answerMs === ANSWER_MS) resolve();
    });
  });
  const first = random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length;
  socket.write(bytes.slice(0, first), "latin1");
  if (first < bytes.length) {
    await new Promise((resolve) => setImmediate(resolve));
    socket.write(bytes.slice(first), "latin1");
  }
  await within(answerMs, Promise.race([answered, ended, closed]));
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

/** Of a process on Linux; elsewhere 0. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}
