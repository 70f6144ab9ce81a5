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
import type { Compared, Comparison, Side } from "../rig/traced-gateways.ts";
import { missingPrograms, wrk } from "../rig/wrk.ts";

/** A difference of some hundredths needs more rounds than one of a half. */
const ROUNDS = { one: 13, all: 3 } as const;
const SECONDS = 10;
/** Time for which the load begins before the measurement, and ends after it. */
const MARGIN_SECONDS = 1;
/** Turns of the two gateways that are compared. Where all calls are recorded, spans of a turn are sent in the next one: with long turns they are few. */
const TURN_MS = { one: 20, all: 500 } as const;

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

type TracedSide = Exclude<Side, "off">;

/** CPU microseconds per call without traces, and with them. */
interface Round {
  readonly off: number;
  readonly on: number;
}

/**
 * Measures the CPU time of the gateway and the wrapper per call: with one call in a hundred recorded, and with all, each in turns with a gateway without
 * traces. All share a process, a replica and the clients' connections: two processes with the same options differ by more than traces cost.
 */
export async function traces(): Promise<Row[]> {
  const missing = missingPrograms("wrk", "python3");
  if (missing.length > 0) throw new Error(`Expected ${missing.join(", ")} to be installed`);
  const rows: Row[] = [];
  for (const language of ["Node", "Python"] as const) {
    const rounds = await measure(language);
    const row = (measured: string, side: TracedSide, goal: number): Row => {
      const micros = (which: keyof Round) => `${median(rounds[side].map((round) => round[which])).toFixed(1)} us`;
      return {
        measure: `CPU of gateway and ${language} wrapper per call, with ${measured}`,
        baseline: `without traces: ${micros("off")}`,
        ours: micros("on"),
        value: median(rounds[side].map(({ on, off }) => on / off)),
        ...{ goal, unit: "x" },
      };
    };
    rows.push(row("1% of the calls recorded", "one", 1.03), row("all calls recorded", "all", 2));
  }
  return rows;
}

async function measure(language: keyof typeof WRAPPERS): Promise<Readonly<Record<TracedSide, Round[]>>> {
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
  const args = [`unix:${socket}`, sink.url, String(replica.pid)];
  const gateways = fork(join(import.meta.dirname, "../rig/traced-gateways.ts"), args, {
    execArgv: ["--conditions=faas-source", "--import", "tsx"],
  });
  try {
    const [port] = (await once(gateways, "message")) as [number];
    await eventually("the wrapper listens", () => listens(socket));
    const rounds: Record<TracedSide, Round[]> = { one: [], all: [] };
    // The first round compiles the code.
    for (const side of ["one", "all"] as const)
      for (let round = 0; round <= ROUNDS[side]; round++) {
        const result = await compareWithout(gateways, port, side);
        if (round > 0) rounds[side].push(result);
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

async function compareWithout(gateways: ChildProcess, port: number, side: TracedSide): Promise<Round> {
  const url = `http://127.0.0.1:${port}/acme/hello`;
  const load = wrk(tempDir("wrk"), url, { connections: 10, seconds: SECONDS + 2 * MARGIN_SECONDS });
  await delay(MARGIN_SECONDS * 1000);
  const comparison: Comparison = { sides: ["off", side], turnMs: TURN_MS[side], forMs: SECONDS * 1000 };
  gateways.send(comparison);
  const [[off, on]] = (await once(gateways, "message")) as [Compared];
  const { requests, errors } = await load;
  if (errors > 0) throw new Error(`${errors} of ${requests} calls failed`);
  const perCall = (sum: Compared[number] | undefined) => (sum === undefined ? Number.NaN : sum.micros / sum.calls);
  return { off: perCall(off), on: perCall(on) };
}
