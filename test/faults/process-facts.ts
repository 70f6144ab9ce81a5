import { readdir, readFile, readlink } from "node:fs/promises";

/** Resources of a process on Linux, read from proc(5). */
export interface ProcessFacts {
  readonly residentMiB: number;
  readonly descriptors: number;
  readonly sockets: number;
  readonly children: number;
}

export async function processFacts(pid: number): Promise<ProcessFacts> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const descriptors = await readdir(`/proc/${pid}/fd`);
  const links = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
  return {
    residentMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
    descriptors: descriptors.length,
    sockets: links.filter((link) => link.startsWith("socket:")).length,
    children: (await childrenOf(pid)).length,
  };
}

async function childrenOf(pid: number): Promise<string[]> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, "utf8").catch(() => "")),
  );
  return lists
    .join(" ")
    .split(/\s+/)
    .filter((child) => child !== "");
}
