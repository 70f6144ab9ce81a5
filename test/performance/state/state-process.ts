/** `node --expose-gc state-process.ts write|read FOLDER ENDPOINTS KEPT`: writes a state, or reads it and prints figures of it as JSON. */
import { randomBytes } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type Revision, revisionId, withDefaults } from "@faas/core";
import { packRevisions } from "../../../packages/server/src/state/revisions/kept-revisions.ts";
import { Store } from "../../../packages/server/src/state/store.ts";

export interface StateFigures {
  readonly stateMegabytes: number;
  readonly heapMiB: number;
  readonly residentMiB: number;
  /** CPU time, which other work on the machine hardly changes. */
  readonly openMs: number;
  readonly firstChangeMs: number;
  readonly changeMs: number;
}

const ORGS = 10;
const BATCH = 100;
const CHANGES = 200;
const MIB = 2 ** 20;

const [mode, folder = "", endpoints = "", kept = ""] = process.argv.slice(2);

const refOf = (index: number) => ({ org: `org${index % ORGS}`, endpoint: `e${index}` });

async function writeState(count: number, keptOfEach: number): Promise<object> {
  const store = await Store.open(folder);
  for (let first = 0; first < count; first += BATCH)
    await Promise.all(
      Array.from({ length: BATCH }, (_, index) =>
        store.changeEndpoint(refOf(first + index), () => {
          const revisions = Array.from({ length: keptOfEach }, () => ({ revision: revision(), servedUntil: time() }));
          const record = { createdAt: time(), updatedAt: time(), current: revision() };
          return keptOfEach > 0 ? { ...record, kept: packRevisions(revisions) } : record;
        }),
      ),
    );
  await store.close();
  return {};
}

async function readState(): Promise<StateFigures> {
  const began = process.cpuUsage();
  const store = await Store.open(folder);
  const openMs = cpuMsSince(began);
  const { heapUsed, rss } = memory();
  const change = () =>
    store.changeEndpoint(refOf(0), (record) => record && { ...record, updatedAt: new Date().toISOString() });
  const beforeFirst = process.cpuUsage();
  await change();
  const firstChangeMs = cpuMsSince(beforeFirst);
  const beforeAll = process.cpuUsage();
  for (let index = 0; index < CHANGES; index++) await change();
  const changeMs = cpuMsSince(beforeAll) / CHANGES;
  await store.close();
  const { size } = await stat(join(folder, "state.json"));
  const sizes = { stateMegabytes: size / 1e6, heapMiB: heapUsed / MIB, residentMiB: rss / MIB };
  return { ...sizes, openMs, firstChangeMs, changeMs };
}

function cpuMsSince(begin: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1000;
}

function memory(): NodeJS.MemoryUsage {
  globalThis.gc?.();
  return process.memoryUsage();
}

/** Makes a revision of other code with the same settings, as most deployments do. */
function revision(): Revision {
  const settings = withDefaults({ env: { LEVEL: "info", URL: "https://example.com/api" } });
  const artifact = { kind: "bundle", digest: `sha256:${hex(32)}` } as const;
  const at = time();
  const origin = {
    at,
    by: "ci",
    from: "10.0.0.17",
    commit: hex(20),
    message: "Fix the rounding of totals in invoices",
  };
  return { id: revisionId(artifact, settings), createdAt: at, artifact, settings, origin };
}

const hex = (bytes: number) => randomBytes(bytes).toString("hex");
const time = () => new Date(1.7e12 + Math.random() * 1e10).toISOString();

const figures = mode === "write" ? await writeState(Number(endpoints), Number(kept)) : await readState();
process.stdout.write(JSON.stringify(figures));
