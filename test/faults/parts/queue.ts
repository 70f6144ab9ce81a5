import { join } from "node:path";
import { tempDir } from "@faas/testing";
import { openJournalQueue } from "../../../packages/server/src/queue/journal/journal-queue.ts";
import { type FaultOptions, type FaultResult, resultOf } from "../part.ts";
import { killProcesses } from "../queue/kill.ts";
import { killServers } from "../queue/server-kills.ts";

const KILLS = 1_000;
/** A whole server takes longer to start. */
const SERVER_KILLS = 30;
/** Queues that are killed at the same time, each in its folder. */
const QUEUES = 2;

/**
 * Kills processes that use a queue: everything that was acknowledged is there, and no idempotency key has two messages. In the long form, also whole
 * servers.
 */
export async function run(options: FaultOptions): Promise<FaultResult> {
  const { long, seed, print } = options;
  const kills = long ? KILLS : 6;
  const ledgers = await Promise.all(
    Array.from({ length: QUEUES }, (_, index) => {
      const folder = join(tempDir("queue-faults"), "queue");
      const queue = { place: folder, open: () => openJournalQueue({ folder }) };
      return killProcesses(queue, seed + index, kills / QUEUES);
    }),
  );
  for (const { lost } of ledgers.map(({ ledger }) => ledger)) for (const line of lost.slice(0, 20)) print(line);
  const sum = (figure: (one: (typeof ledgers)[number]) => number) => ledgers.reduce((all, one) => all + figure(one), 0);
  const row = {
    what: "kill -9 of a process with a queue",
    faults: sum((one) => one.kills),
    tried: sum((one) => one.ledger.acknowledged),
    of: "changes of the queue",
    lost: sum((one) => one.ledger.lost.length),
  };
  return resultOf([row, ...(long ? [await killServers(SERVER_KILLS, options)] : [])], print);
}
