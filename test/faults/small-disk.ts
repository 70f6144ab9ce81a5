import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? [] : ["--user", "--map-root-user"];

/** Whether there are mount namespaces here (mount_namespaces(7)). */
export const canMount = spawnSync("unshare", ["--mount", ...asRoot, "true"]).status === 0;

/**
 * A file system with little room in place of a folder, for those who enter: it is in a mount namespace that a process of its own keeps, so that it outlives
 * the servers on it.
 */
export class SmallDisk implements AsyncDisposable {
  /** Shell code that a server runs before it begins, to have it. */
  readonly before: string;
  /** The folder, as it is seen from outside. */
  readonly path: string;
  readonly #keeper: ChildProcess;

  private constructor(keeper: ChildProcess, folder: string) {
    this.#keeper = keeper;
    this.path = join("/proc", String(keeper.pid), "root", folder);
    const user = isRoot ? "" : " --user --preserve-credentials";
    this.before = `exec nsenter --target ${keeper.pid} --mount${user} "$0" "$@"`;
  }

  /** @param size as tmpfs(5) takes it: "3m" */
  static async on(folder: string, size: string): Promise<SmallDisk> {
    const script = `mount -t tmpfs -o size=${size} tmpfs "$0" && echo mounted && exec sleep infinity`;
    const keeper = spawn("unshare", ["--mount", ...asRoot, "sh", "-c", script, folder], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(keeper, "exit").then(() =>
      Promise.reject(new Error(`no file system could be put on ${folder}`)),
    );
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
