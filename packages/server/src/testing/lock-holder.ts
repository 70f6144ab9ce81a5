import { appendFileSync } from "node:fs";
import { hostname } from "node:os";
import { DataDirLock } from "../state/data-dir-lock.ts";
import { readState } from "../state/recovery.ts";
import { Store } from "../state/store.ts";

/**
 * Program for tests: holds a server's lock and store in a process of its own. `node … lock-holder.ts <data folder> <log>` creates an organization for
 * each line on stdin, and prints the outcome.
 */
const [dataDir = "", log = ""] = process.argv.slice(2);
const print = (text: string) => process.stdout.write(`${text}\n`);

const lock = await DataDirLock.acquire(dataDir, { timeoutMs: 20_000 });
appendFileSync(log, `${hostname()}\n`);
lock.startHeartbeat((error) => print(`lost ${error.code}`));
const store = await Store.open(dataDir, { assertLockHeld: () => lock.verify() });
print("held");
process.stdin.setEncoding("utf8").on("data", (text: string) => {
  for (const org of text.split("\n").filter(Boolean)) {
    store.putOrg(org).then(
      async () => print(`wrote ${org} into ${[...(await readState(`${dataDir}/state.json`)).state.names()]}`),
      (error) => print(`refused ${org} ${error.code}`),
    );
  }
});
process.on("SIGTERM", async () => {
  await lock.release();
  process.exit(0);
});
