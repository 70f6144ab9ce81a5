import { readdirSync, readFileSync, readlinkSync } from "node:fs";

// All of this reads /proc (proc(5)), and finds nothing on a system without it.

/** State of a listening socket in /proc/net/tcp. */
const LISTENING = "0A";

/** Returns a process and its descendants, except those that have left their parents. */
export function processTree(pid: number): readonly number[] {
  const pids = [pid];
  for (const each of pids)
    for (const thread of list(`/proc/${each}/task`))
      pids.push(...read(`/proc/${each}/task/${thread}/children`).split(" ").filter(Boolean).map(Number));
  return pids;
}

/** Returns the ports that processes listen on, in any network namespace of theirs. */
export function listeningPorts(pids: readonly number[]): ReadonlySet<number> {
  const sockets = new Set(pids.flatMap((pid) => list(`/proc/${pid}/fd`).map((fd) => link(`/proc/${pid}/fd/${fd}`))));
  const namespaces = new Map(pids.map((pid) => [link(`/proc/${pid}/ns/net`), pid]));
  const ports = new Set<number>();
  for (const pid of namespaces.values())
    for (const table of ["tcp", "tcp6"])
      for (const line of read(`/proc/${pid}/net/${table}`).split("\n").slice(1)) {
        const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
        if (state === LISTENING && sockets.has(`socket:[${inode}]`))
          ports.add(Number.parseInt(local.slice(local.indexOf(":") + 1), 16));
      }
  return ports;
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
