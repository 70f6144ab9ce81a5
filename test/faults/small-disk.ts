import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? [] : ["--user", "--map-root-user"];

/** True where this user can create mount namespaces (mount_namespaces(7)). */
export const canMount = spawnSync("unshare", ["--mount", ...asRoot, "true"]).status === 0;

/**
 * Small file system in place of a folder, for the processes that enter its mount namespace. A process of its own keeps the namespace, so that the file
 * system outlives the servers on it.
 */
export class SmallDisk implements AsyncDisposable {
  /** Shell code with which a server enters the namespace. */
  readonly before: string;
  /** Path of the folder outside of the namespace. */
  readonly path: string;
  readonly #keeper: ChildProcess;

  private constructor(keeper: ChildProcess, folder: string) {
    this.#keeper = keeper;
    this.path = join("/proc", String(keeper.pid), "root", folder);
    const user = isRoot ? "" : " --user --preserve-credentials";
    this.before = `exec nsenter --target ${keeper.pid} --mount${user} "$0" "$@"`;
  }

  /** @param size size for tmpfs(5), such as "3m" */
  static async on(folder: string, size: string): Promise<SmallDisk> {
    const script = `mount -t tmpfs -o size=${size} tmpfs "$0" && echo mounted && exec sleep infinity`;
    const keeper = spawn("unshare", ["--mount", ...asRoot, "sh", "-c", script, folder], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(keeper, "exit").then(() => Promise.reject(new Error(`cannot mount a file system on ${folder}`)));
    await Promise.race([once(keeper.stdout as NodeJS.ReadableStream, "data"), ended]);
    ended.catch(() => {});
    return new SmallDisk(keeper, folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#keeper.exitCode !== null) return;
    const exited = once(this.#keeper, "exit");
    this.#keeper.kill("SIGKILL");
    await exited;
  }
}
