import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FaasProcess, seeded } from "@faas/testing";
import { deployedImage } from "../deployed-image.ts";
import { type FaultOptions, type FaultResult, resultOf } from "../part.ts";
import { Registrations } from "../registrations.ts";

const CLIENTS = 8;
/** Within which a server is killed, from its first change on, by turns: in its first changes, and when the journal has outgrown its size. */
const WITHIN_MS = [40, 1_000] as const;

/** kill -9 of the server at any moment while endpoints are registered and removed. */
export async function run({ long, seed, print }: FaultOptions): Promise<FaultResult> {
  const kills = long ? 200 : 4;
  const random = seeded(seed);
  await using faas = await FaasProcess.create();
  const registrations = new Registrations(await deployedImage(faas), random);
  const journals = new Set<number>();
  try {
    for (let round = 0; round < kills || (long && registrations.sent < 1_000); round++) {
      const server = await faas.up({ args: ["--log-level", "warn", "--pool-size", "0"] });
      // What the server has read is what was on disk.
      registrations.compare(await registrations.listed(server.url), `in the list after kill ${round}`);
      const running = registrations.run(server.url, CLIENTS, AbortSignal.timeout(60_000));
      const moment = performance.now() + random() * (WITHIN_MS[round % 2] as number);
      while (performance.now() < moment) {
        await delay(Math.min(5, moment - performance.now()));
        const journal = await stat(join(faas.data, "state.journal")).catch(() => undefined);
        if (journal) journals.add(journal.ino);
      }
      await faas.kill(server);
      await running;
      await registrations.check(faas.data, `on disk after kill ${round + 1}`);
      if (round % 20 === 19)
        print(`${round + 1} kills, ${registrations.sent} changes sent, ${registrations.lost.length} lost`);
    }
  } finally {
    registrations.close();
  }
  for (const line of registrations.lost) print(line);
  const { sent, acknowledged, cut, refused, lost, codes } = registrations;
  return resultOf(
    [
      {
        what: "kill -9 of the server at random moments",
        faults: kills,
        tried: sent,
        of: "registrations and removals",
        lost: lost.length + refused,
        seen: `${acknowledged} acknowledged, ${cut} cut off by the kill, ${journals.size} journals${refused ? `, refused: ${JSON.stringify([...codes])}` : ""}`,
      },
    ],
    print,
  );
}
