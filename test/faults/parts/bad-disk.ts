import assert from "node:assert/strict";
import { cp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { FaasProcess, HttpClient, type RunningServer, seeded } from "@faas/testing";
import { deployedImage } from "../deployed-image.ts";
import { type FaultOptions, type FaultResult, type FaultRow, resultOf } from "../part.ts";
import { Registrations } from "../registrations.ts";
import { canMount, SmallDisk } from "../small-disk.ts";

const shim = pathToFileURL(join(import.meta.dirname, "../disk-shim.mjs")).href;
const CLIENTS = 8;
/** Changes with a response before a kill. */
const MIN_CHANGES = 20;
const MAX_CHANGES = 120;
/** Longest time from there to the kill, so that it hits any moment of a change. */
const OFFSET_MS = 5;
const QUIET = ["--log-level", "error", "--pool-size", "0"];

interface Plan {
  readonly fail?: Readonly<Record<string, number>>;
  readonly code?: string;
  readonly slowMs?: number;
}

type Named = readonly [what: string, plan: Plan];

const ALL: Named = [
  "frequent failures of all operations",
  { slowMs: 5, fail: { write: 0.2, datasync: 0.2, sync: 0.3, truncate: 0.5, rename: 0.3, open: 0.1 } },
];
/** Probabilities of failure by operation: occasional ones, and so frequent ones that undoing a write fails too. */
const PLANS: readonly Named[] = [
  ["slow fsync", { slowMs: 40 }],
  ["failed writes", { fail: { write: 0.1 } }],
  ["failed fsyncs", { fail: { datasync: 0.1, sync: 0.1 } }],
  ["failed renames", { fail: { rename: 0.3, link: 0.1 } }],
  ["failed opens", { fail: { open: 0.3, write: 0.05 } }],
  ALL,
  ["random ENOSPC", { code: "ENOSPC", fail: { write: 0.2, truncate: 0.3, open: 0.1 } }],
];

/** Kills servers whose disk is slow, fails or is full, while endpoints are registered and removed. */
export async function run(options: FaultOptions): Promise<FaultResult> {
  const rows: FaultRow[] = [];
  for (const [what, plan] of options.long ? PLANS : [ALL]) rows.push(await failing(what, plan, options));
  if (canMount) rows.push(await full(options));
  else options.print("skipped the full disk: this user cannot create mount namespaces");
  return resultOf(rows, options.print);
}

async function failing(what: string, plan: Plan, { long, seed, print }: FaultOptions): Promise<FaultRow> {
  const kills = long ? 20 : 1;
  const random = seeded(seed);
  await using faas = new FaasProcess();
  const registrations = new Registrations(await deployedImage(faas), random);
  for (let round = 0; round < kills; round++) {
    const env = JSON.stringify({ ...plan, seed: seed + round });
    const before = `export NODE_OPTIONS='--import=${shim}' FAAS_TEST_DISK='${env}'`;
    const server = await faas.up({ before, args: QUIET });
    const listed = await registrations.listed(server.url);
    registrations.compare(listed, `in the list of the server after kill ${round}, ${what}`);
    const running = registrations.run(server.url, CLIENTS);
    await registrations.untilMoreAnswers(MIN_CHANGES + Math.floor(random() * (MAX_CHANGES - MIN_CHANGES)));
    await delay(random() * OFFSET_MS);
    await faas.kill(server);
    await running;
    await registrations.check(faas.data, `on disk after kill ${round + 1}, ${what}`);
  }
  // On a good disk, everything works again.
  const server = await faas.up({ args: QUIET });
  registrations.compare(await registrations.listed(server.url), `in the list at the end, ${what}`);
  const { refused } = registrations;
  await registrations.run(server.url, CLIENTS, MIN_CHANGES);
  const isRefusing = registrations.refused > refused;
  await faas.kill(server, "SIGTERM");
  await registrations.check(faas.data, `on disk at the end, ${what}`);
  return rowOf(`kill -9 of the server, ${what}`, kills, registrations, isRefusing ? 1 : 0, print);
}

/** Kills and starts a server on a file system that is full to the last byte, and continues when there is space again. */
async function full({ long, seed, print }: FaultOptions): Promise<FaultRow> {
  const kills = long ? 20 : 1;
  const random = seeded(seed);
  await using faas = new FaasProcess();
  const registrations = new Registrations(await deployedImage(faas), random);
  const deployed = join(faas.folder, "deployed");
  await rename(faas.data, deployed);
  await mkdir(faas.data);
  await using disk = await SmallDisk.on(faas.data, "4m");
  await cp(deployed, disk.path, { recursive: true });
  const filler = join(disk.path, "filler");
  const wrong: string[] = [];
  for (let round = 0; round < kills; round++) {
    const server = await faas.up({ before: disk.before, args: QUIET });
    registrations.compare(await registrations.listed(server.url), `in the list after kill ${round}, with a full disk`);
    const running = registrations.run(server.url, CLIENTS);
    await registrations.untilMoreAnswers(Math.floor(random() * MIN_CHANGES));
    await fill(filler);
    await registrations.untilMoreAnswers(MIN_CHANGES + Math.floor(random() * MIN_CHANGES));
    // Calls still get a response.
    wrong.push(...(await wrongResponse(server, "with a full disk")));
    await faas.kill(server);
    await running;
    await registrations.check(disk.path, `on disk after kill ${round + 1}, with a full disk`);
    const next = await faas.up({ before: disk.before, args: QUIET });
    wrong.push(...(await wrongResponse(next, "after a start with a full disk")));
    await rm(filler);
    const { acknowledged } = registrations;
    await registrations.run(next.url, 2, MIN_CHANGES);
    if (registrations.acknowledged === acknowledged) wrong.push("all changes were refused with free space");
    await faas.kill(next);
    await registrations.check(disk.path, `on disk with free space, ${round + 1}`);
  }
  for (const line of wrong.slice(0, 1)) print(line);
  return rowOf("kill -9 of the server, full disk", kills, registrations, wrong.length, print);
}

async function fill(file: string): Promise<void> {
  await assert.rejects(writeFile(file, Buffer.alloc(2 ** 23)), { code: "ENOSPC" });
}

async function wrongResponse({ url }: RunningServer, when: string): Promise<string[]> {
  using client = new HttpClient(url);
  const { status, text } = await client.send("GET", "/acme/first");
  return text === "here" ? [] : [`call ${when}: ${status} ${text}`];
}

function rowOf(
  what: string,
  faults: number,
  { lost, sent, acknowledged, refused, cut, codes }: Registrations,
  wrong: number,
  print: FaultOptions["print"],
): FaultRow {
  for (const line of lost) print(line);
  return {
    what,
    faults,
    tried: sent,
    of: "registrations and removals",
    lost: lost.length + wrong,
    seen: `${acknowledged} acknowledged, ${cut} cut off, ${refused} refused${codes.size > 0 ? ` (${[...codes].map(([code, n]) => `${code} ${n}`).join(", ")})` : ""}`,
  };
}
