import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FaasProcess, seeded } from "@faas/testing";
import { deployedImage } from "../deployed-image.ts";
import { type FaultOptions, type FaultResult, resultOf } from "../part.ts";
import { Registrations } from "../registrations.ts";

const CLIENTS = 8;
/** Maximum number of changes before a kill, in turns: during the first changes, and once the journal has outgrown its minimum size. */
const MAX_CHANGES = [10, 600] as const;
/** Longest time from there to the kill, so that it hits any moment of a change. */
const OFFSET_MS = 5;

/** Kills the server with kill -9 at random moments while endpoints are registered and removed. */
export async function run({ long, seed, print }: FaultOptions): Promise<FaultResult> {
  const kills = long ? 200 : 4;
  const random = seeded(seed);
  await using faas = new FaasProcess();
  const registrations = new Registrations(await deployedImage(faas), random);
  const journals = new Set<number>();
  const noteJournal = async () => {
    const journal = await stat(join(faas.data, "state.journal")).catch(() => undefined);
    if (journal) journals.add(journal.ino);
  };
  for (let round = 0; round < kills || (long && registrations.sent < 1_000); round++) {
    const server = await faas.up({ args: ["--log-level", "warn", "--pool-size", "0"] });
    // The server has read what was on disk.
    registrations.compare(await registrations.listed(server.url), `in the list after kill ${round}`);
    const running = registrations.run(server.url, CLIENTS);
    await registrations.untilMoreAnswers(Math.floor(random() * (MAX_CHANGES[round % 2] as number)), noteJournal);
    await delay(random() * OFFSET_MS);
    await faas.kill(server);
    await running;
    await registrations.check(faas.data, `on disk after kill ${round + 1}`);
    if (round % 20 === 19)
      print(`${round + 1} kills, ${registrations.sent} changes sent, ${registrations.lost.length} lost`);
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
