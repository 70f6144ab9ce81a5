import { appendFileSync } from "node:fs";
import { hostname } from "node:os";
import { DataDirLock } from "../state/data-dir-lock.ts";
import { readState } from "../state/recovery.ts";
import { Store } from "../state/store.ts";

/**
 * For tests, a process of its own: a server's lock and store. `node … test-lock-holder.ts <data folder> <log>`; it makes an organization for
 * every line on stdin, and tells on stdout what happened.
 */
const [dataDir = "", log = ""] = process.argv.slice(2);
const say = (text: string) => process.stdout.write(`${text}\n`);

const lock = await DataDirLock.take(dataDir, { timeoutMs: 20_000 });
appendFileSync(log, `${hostname()}\n`);
lock.keep((error) => say(`lost ${error.code}`));
const store = await Store.open(dataDir, { assertLockHeld: () => lock.verify() });
say("held");
process.stdin.setEncoding("utf8").on("data", (text: string) => {
  for (const org of text.split("\n").filter(Boolean)) {
    store.putOrg(org).then(
      async () => say(`wrote ${org} into ${[...(await readState(`${dataDir}/state.json`)).state.names()]}`),
      (error) => say(`refused ${org} ${error.code}`),
    );
  }
});
process.on("SIGTERM", async () => {
  await lock.release();
  process.exit(0);
});
