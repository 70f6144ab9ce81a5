import assert from "node:assert/strict";
import { cp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { FaasProcess, seeded, type Up } from "@faas/testing";
import { deployedImage } from "../deployed-image.ts";
import { type FaultOptions, type FaultResult, resultOf, type Tried } from "../part.ts";
import { Registrations } from "../registrations.ts";
import { canMount, SmallDisk } from "../small-disk.ts";

const shim = pathToFileURL(join(import.meta.dirname, "../disk-shim.mjs")).href;
const CLIENTS = 8;
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
/** Chances of failing, by operation: every now and then, and so often that taking a write back fails as well. */
const PLANS: readonly Named[] = [
  ["slow fsync", { slowMs: 40 }],
  ["failed writes", { fail: { write: 0.1 } }],
  ["failed fsyncs", { fail: { datasync: 0.1, sync: 0.1 } }],
  ["failed renames", { fail: { rename: 0.3, link: 0.1 } }],
  ["failed opens", { fail: { open: 0.3, write: 0.05 } }],
  ALL,
  ["random ENOSPC", { code: "ENOSPC", fail: { write: 0.2, truncate: 0.3, open: 0.1 } }],
];

/** kill -9 of servers whose disk is slow, fails, or is full, while endpoints are registered and removed. */
export async function run(options: FaultOptions): Promise<FaultResult> {
  const rows: Tried[] = [];
  for (const [what, plan] of options.long ? PLANS : [ALL]) rows.push(await failing(what, plan, options));
  if (canMount) rows.push(await full(options));
  else options.print("no mount namespaces here: a full disk is left out");
  return resultOf(rows, options.print);
}

async function failing(what: string, plan: Plan, { long, seed, print }: FaultOptions): Promise<Tried> {
  const kills = long ? 20 : 1;
  const random = seeded(seed);
  await using faas = await FaasProcess.create();
  const registrations = new Registrations(await deployedImage(faas), random);
  let inconsistent = 0;
  try {
    for (let round = 0; round < kills; round++) {
      const env = JSON.stringify({ ...plan, seed: seed + round });
      const before = `export NODE_OPTIONS='--import=${shim}' FAAS_TEST_DISK='${env}'`;
      const server = await faas.up({ before, args: QUIET });
      const listed = await registrations.listed(server.url);
      registrations.compare(listed, `in the list of the server after kill ${round}, ${what}`);
      const running = registrations.run(server.url, CLIENTS, AbortSignal.timeout(60_000));
      await delay(200 + random() * 300);
      await faas.kill(server);
      await running;
      await registrations.check(faas.data, `on disk after kill ${round + 1}, ${what}`);
    }
    // And on a good disk again all is well.
    const server = await faas.up({ args: QUIET });
    registrations.compare(await registrations.listed(server.url), `in the list at the end, ${what}`);
    const { refused } = registrations;
    const running = registrations.run(server.url, CLIENTS, AbortSignal.timeout(200));
    await running;
    if (registrations.refused > refused) inconsistent++;
    await faas.kill(server, "SIGTERM");
    await registrations.check(faas.data, `on disk at the end, ${what}`);
  } finally {
    registrations.close();
  }
  return rowOf(`kill -9 of the server, ${what}`, kills, registrations, inconsistent, print);
}

/** A file system that is full to the last byte; the server is killed on it, started on it, and goes on when there is room. */
async function full({ long, seed, print }: FaultOptions): Promise<Tried> {
  const kills = long ? 20 : 1;
  const random = seeded(seed);
  await using faas = await FaasProcess.create();
  const registrations = new Registrations(await deployedImage(faas), random);
  const seen = join(faas.folder, "seen");
  await rename(faas.data, seen);
  await mkdir(faas.data);
  await using disk = await SmallDisk.on(faas.data, "4m");
  await cp(seen, disk.path, { recursive: true });
  const filler = join(disk.path, "filler");
  let wrong = 0;
  try {
    for (let round = 0; round < kills; round++) {
      const server = await faas.up({ before: disk.before, args: QUIET });
      registrations.compare(
        await registrations.listed(server.url),
        `in the list after kill ${round}, with a full disk`,
      );
      const running = registrations.run(server.url, CLIENTS, AbortSignal.timeout(60_000));
      await delay(random() * 200);
      await fill(filler);
      await delay(100 + random() * 200);
      // Calls are answered all the same.
      const answer = await fetch(`${server.url}/acme/first`);
      const text = await answer.text();
      if (text !== "here" && wrong++ === 0) print(`called with a full disk: ${answer.status} ${text}`);
      await faas.kill(server);
      await running;
      await registrations.check(disk.path, `on disk after kill ${round + 1}, with a full disk`);
      const again = await faas.up({ before: disk.before, args: QUIET });
      const first = await fetch(`${again.url}/acme/first`);
      const said = await first.text();
      if (said !== "here" && wrong++ === 0) print(`called with a full disk, after a start: ${first.status} ${said}`);
      await rm(filler);
      if ((await refuses(again, registrations)) && wrong++ === 0)
        print("there was room again, and nothing could be changed");
      await faas.kill(again);
      await registrations.check(disk.path, `on disk when there was room again, ${round + 1}`);
    }
  } finally {
    registrations.close();
  }
  return rowOf("kill -9 of the server, full disk", kills, registrations, wrong, print);
}

async function fill(file: string): Promise<void> {
  await assert.rejects(writeFile(file, Buffer.alloc(2 ** 23)), { code: "ENOSPC" });
}

/** Whether nothing can be changed though there is room. */
async function refuses({ url }: Up, registrations: Registrations): Promise<boolean> {
  const { acknowledged } = registrations;
  await registrations.run(url, 2, AbortSignal.timeout(100));
  return registrations.acknowledged === acknowledged;
}

function rowOf(
  what: string,
  faults: number,
  { lost, sent, acknowledged, refused, cut, codes }: Registrations,
  wrong: number,
  print: FaultOptions["print"],
): Tried {
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
