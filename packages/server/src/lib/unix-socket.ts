import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, renameSync, rmSync, statSync } from "node:fs";
import type { Server } from "node:net";

/**
 * Makes a server listen on the path of a Unix socket that only the user of this process can connect to, also when another process listens there: later
 * connections reach this one. Returns a function that removes the socket, unless it is another process's by then; Node would remove that one.
 */
export async function listenOnPath(server: Server, path: string): Promise<() => void> {
  const temporary = `${path}.${randomBytes(2).toString("hex")}`;
  server.listen(temporary);
  await once(server, "listening");
  chmodSync(temporary, 0o600);
  const { ino } = statSync(temporary);
  renameSync(temporary, path);
  return () => {
    if (statSync(path, { throwIfNoEntry: false })?.ino === ino) rmSync(path, { force: true });
  };
}
