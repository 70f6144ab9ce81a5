import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { NatsServer, natsServerProgram, tempDir } from "@faas/testing";
import { median, type Row } from "../rig/table.ts";
import type { MemoryFigures, SpeedFigures } from "./queue-process.ts";

const ROUNDS = 3;

/** Place of a queue: an empty folder, and the URL of a NATS server. */
interface Place {
  /** Messages that wait while memory is measured. */
  readonly waiting: number;
  readonly folder: string;
  readonly url?: string;
}

/** Measures the queue on the disk of the temporary folder, against single writes to the same disk. */
export async function queue(): Promise<Row[]> {
  return measured((name) => ({ folder: tempDir(name), waiting: 1_000_000 }), 10_000);
}

/** Measures the queue on a NATS server on this machine, in the same way. Returns no rows without the program. */
export async function queueOnNats(): Promise<Row[]> {
  try {
    natsServerProgram();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return [];
  }
  await using server = await NatsServer.start();
  let streams = 0;
  const place = (name: string) => ({
    folder: tempDir(name),
    waiting: 200_000,
    url: `${server.url}?stream=${++streams}`,
  });
  // Awaited here: the server ends with this function.
  return await measured(place, 12_000);
}

async function measured(emptyPlace: (name: string) => Place, openGoalMs: number): Promise<Row[]> {
  const rounds: SpeedFigures[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await run<SpeedFigures>("speed", emptyPlace("queue-speed")));
  const place = emptyPlace("queue-memory");
  const [filled, reopened] = [await run<MemoryFigures>("fill", place), await run<MemoryFigures>("reopen", place)];
  return [...speedRows(rounds), ...memoryRows(place.waiting, filled, reopened, openGoalMs)];
}

function speedRows(rounds: readonly SpeedFigures[]): Row[] {
  const of = (figure: keyof SpeedFigures) => median(rounds.map((round) => round[figure]));
  const milliseconds = (ms: number) => `${ms.toFixed(2)} ms`;
  const perSecond = (measure: string, baseline: string, value: number): Row => {
    const ours = `${Math.round(value)}/s`;
    return { measure, baseline, ours, value, goal: 5_000, unit: "/s", atLeast: true };
  };
  const bareMedian = `write and fdatasync of 1 KiB: ${Math.round(1000 / of("bareMedianMs"))}/s`;
  // Figures of the round with the median ratio, so that they belong together.
  const ratioOf = ({ pacedMs, bareMs }: SpeedFigures) => pacedMs / bareMs;
  const middle = rounds.find((round) => ratioOf(round) === median(rounds.map(ratioOf))) as SpeedFigures;
  const saturated = milliseconds(of("saturatedMs"));
  return [
    perSecond(`1 KiB messages enqueued by 64 clients (p99 ${saturated})`, bareMedian, of("enqueuedPerSecond")),
    {
      measure: "enqueue by 64 clients at 5,000/s in total, p99",
      baseline: `write and fdatasync of 1 KiB, p99: ${milliseconds(middle.bareMs)}`,
      ours: milliseconds(middle.pacedMs),
      value: ratioOf(middle),
      goal: 3,
      unit: "x",
    },
    perSecond("1 KiB messages leased and settled by 4 workers", bareMedian, of("settledPerSecond")),
  ];
}

function memoryRows(waiting: number, filled: MemoryFigures, reopened: MemoryFigures, openGoalMs: number): Row[] {
  const what = `${waiting.toLocaleString("en")} waiting messages of 100 bytes`;
  const bytes = (measure: string, { bytesPerMessage: value, residentMiB }: MemoryFigures): Row => ({
    measure,
    baseline: "without messages",
    ours: `${Math.round(value)} bytes each; process of ${Math.round(residentMiB)} MiB`,
    value,
    goal: 1024,
    unit: "bytes",
  });
  return [
    bytes(`${what}: memory`, filled),
    bytes(`${what}: memory after opening them again`, reopened),
    {
      measure: `${what}: opening the queue`,
      baseline: "-",
      ours: `${Math.round(reopened.ms)} ms`,
      value: reopened.ms,
      goal: openGoalMs,
      unit: "ms",
    },
  ];
}

async function run<T>(mode: string, { folder, waiting, url }: Place): Promise<T> {
  const program = join(import.meta.dirname, "queue-process.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--expose-gc",
    "--import",
    "tsx",
    program,
    mode,
    folder,
    String(waiting),
    ...(url === undefined ? [] : [url]),
  ]);
  return JSON.parse(stdout);
}
