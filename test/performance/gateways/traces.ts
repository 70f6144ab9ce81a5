import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { eventually, tempDir } from "@faas/testing";
import { root } from "../rig/local-server.ts";
import { median, type Row } from "../rig/table.ts";
import { usage } from "../rig/usage.ts";
import { missingPrograms, wrk } from "../rig/wrk.ts";

const ROUNDS = 15;
const SECONDS = 2;
/** Time in which the last spans are sent. */
const SEND_MS = 500;

const WRAPPERS = {
  Node: {
    file: "index.mjs",
    source: 'export const handler = () => ({ hello: "world" });\n',
    wrapper: "templates/node/.interface.mjs",
    program: process.execPath,
  },
  Python: {
    file: "main.py",
    source: 'def handler(event):\n    return {"hello": "world"}\n',
    wrapper: "templates/python/.interface.py",
    program: "python3",
  },
} as const;

/** Gateways of the rig, in the order of its ports. */
const SIDES = ["off", "one", "all"] as const;
type Side = (typeof SIDES)[number];
type Round = Readonly<Record<Side, number>>;

/**
 * Measures the CPU time of the gateway and the wrapper per call: without traces, with one call in a hundred recorded, and with all. The three gateways share a
 * process and a replica, and are loaded in turns: two processes with the same options differ by more than traces cost.
 */
export async function traces(): Promise<Row[]> {
  const missing = missingPrograms("wrk", "python3");
  if (missing.length > 0) throw new Error(`Expected ${missing.join(", ")} to be installed`);
  const rows: Row[] = [];
  for (const language of ["Node", "Python"] as const) {
    const rounds = await measure(language);
    const micros = (side: Side) => `${median(rounds.map((round) => round[side])).toFixed(1)} us`;
    const row = (measured: string, side: Side, goal: number): Row => ({
      measure: `CPU of gateway and ${language} wrapper per call, with ${measured}`,
      baseline: `without traces: ${micros("off")}`,
      ours: micros(side),
      value: median(rounds.map((round) => round[side] / round.off)),
      ...{ goal, unit: "x" },
    });
    rows.push(row("1% of the calls recorded", "one", 1.03), row("all calls recorded", "all", 2));
  }
  return rows;
}

async function measure(language: keyof typeof WRAPPERS): Promise<Round[]> {
  const { file, source, wrapper, program } = WRAPPERS[language];
  const folder = tempDir("traces");
  await writeFile(join(folder, file), source);
  const copy = join(folder, wrapper.slice(wrapper.lastIndexOf("/") + 1));
  await copyFile(join(root, wrapper), copy);
  const socket = join(folder, "replica.sock");
  const sink = await startSink();
  const replica = spawn(program, [copy], {
    cwd: folder,
    env: { PATH: process.env.PATH, PORT: socket, FAAS_ORG: "acme", FAAS_ENDPOINT: "hello" },
    stdio: "inherit",
  });
  const gateways = fork(join(import.meta.dirname, "../rig/traced-gateways.ts"), [`unix:${socket}`, sink.url], {
    execArgv: ["--conditions=faas-source", "--import", "tsx"],
  });
  try {
    const [ports] = (await once(gateways, "message")) as [number[]];
    await eventually("the wrapper listens", () => listens(socket));
    const micros = (side: Side) => microsPerCall([gateways, replica], ports[SIDES.indexOf(side)] as number);
    // Compiles the code.
    for (const side of SIDES) await micros(side);
    const rounds: Round[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const result: Partial<Record<Side, number>> = {};
      // Each side is first, second and third equally often.
      for (let turn = 0; turn < SIDES.length; turn++) {
        const side = SIDES[(round + turn) % SIDES.length] as Side;
        result[side] = await micros(side);
      }
      rounds.push(result as Round);
    }
    return rounds;
  } finally {
    gateways.disconnect();
    replica.kill();
    await Promise.all([once(gateways, "exit"), once(replica, "exit")]);
    sink.close();
  }
}

/** Starts an endpoint for spans that ignores them. */
async function startSink() {
  const server = createServer((request, response) => {
    request.resume();
    request.once("end", () => response.end("{}"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

function listens(socket: string): Promise<true> {
  return new Promise((resolve, reject) => {
    const connection = connect(socket, () => {
      connection.destroy();
      resolve(true);
    });
    connection.once("error", reject);
  });
}

async function microsPerCall(processes: readonly ChildProcess[], port: number): Promise<number> {
  const cpuSeconds = async () => {
    const each = await Promise.all(processes.map(({ pid = 0 }) => usage(pid)));
    return each.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  };
  const before = await cpuSeconds();
  const url = `http://127.0.0.1:${port}/acme/hello`;
  const { requests, errors } = await wrk(tempDir("wrk"), url, { connections: 10, seconds: SECONDS });
  if (errors > 0) throw new Error(`${errors} of ${requests} calls failed`);
  await delay(SEND_MS);
  return (((await cpuSeconds()) - before) * 1e6) / requests;
}
