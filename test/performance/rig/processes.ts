import { readdir, readFile } from "node:fs/promises";

/** Lists the child processes of a process. */
export async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  // Each thread has the children that it has started.
  const lists = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, "utf8")));
  return lists.flatMap((list) => list.split(" ").filter((word) => word !== "")).map(Number);
}
