import { setTimeout as delay } from "node:timers/promises";
import { NatsServer, type Random } from "@faas/testing";
import { openNatsQueue } from "../../../packages/server/src/queue/nats/nats-queue.ts";
import { type FaultOptions, type FaultResult, resultOf } from "../part.ts";
import { killProcesses } from "../queue/kill.ts";

const KILLS = 300;
const MAX_DELAY_MS = 150;
/** Longer than the wait before a reconnect. */
const MAX_AFTERWARDS_MS = 600;

/** Kills processes that use a queue on a NATS server, and in every other life also the NATS server. */
export async function run({ long, seed, print }: FaultOptions): Promise<FaultResult> {
  await using server = await NatsServer.start();
  let restarts = 0;
  const disturb = async (random: Random) => {
    if (random() < 0.5) return;
    await delay(random() * MAX_DELAY_MS);
    await server.kill();
    await server.start();
    restarts++;
    await delay(random() * MAX_AFTERWARDS_MS);
  };
  const open = () => openNatsQueue({ url: server.url, instance: "faults" });
  const { ledger, kills } = await killProcesses({ place: server.url, open, disturb }, seed, long ? KILLS : 10);
  for (const line of ledger.lost.slice(0, 20)) print(line);
  const row = {
    what: "kill -9 of a process with a queue on a NATS server, and of that server",
    faults: kills + restarts,
    tried: ledger.acknowledged,
    of: "changes of the queue",
    lost: ledger.lost.length,
    seen: `the NATS server ${restarts}x`,
  };
  return resultOf([row], print);
}
