import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** For tests: the built `faas`, as a user runs it, with a data folder and a home of its own. */

const program = join(import.meta.dirname, "../../cli/bin/faas.js");
const START_MS = 20_000;
const RUN_MS = 300_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A server that `faas up` started. */
export interface Up {
  readonly url: string;
  readonly child: ChildProcess;
  stderr(): string;
}

export class BuiltFaas implements AsyncDisposable {
  readonly folder: string;
  readonly data: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #servers = new Set<ChildProcess>();
  /** A server was killed last: its replicas are still there. */
  #hasOrphans = false;

  private constructor(folder: string) {
    this.folder = folder;
    this.data = join(folder, "data");
    this.env = {
      ...process.env,
      HOME: folder,
      XDG_CACHE_HOME: join(folder, "cache"),
      FAAS_DATA: this.data,
      NO_COLOR: "1",
      NODE_OPTIONS: "",
    };
  }

  static async create(): Promise<BuiltFaas> {
    return new BuiltFaas(await mkdtemp(join(tmpdir(), "faas-built-")));
  }

  /** `faas up` on a free port; resolves when it takes requests. `before` is shell code that runs first, in the same process; the server is `"$0" "$@"`. */
  async up({ before = "", args = [] as readonly string[] } = {}): Promise<Up> {
    const argv = [program, "up", "--port", "0", ...args];
    const child = before
      ? spawn("sh", ["-c", `${before} && exec "$0" "$@"`, process.execPath, ...argv], { env: this.env })
      : spawn(process.execPath, argv, { env: this.env });
    this.#servers.add(child);
    this.#hasOrphans = false;
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    const ended = once(child, "exit").then(([code]) => assert.fail(`faas up ended with ${code}: ${stderr}`));
    const signal = AbortSignal.timeout(START_MS);
    const [text] = await Promise.race([once(child.stdout, "data", { signal }), ended]);
    ended.catch(() => {});
    const url = String(text).trim();
    this.env.FAAS_SERVER = url;
    return { url, child, stderr: () => stderr };
  }

  async kill({ child }: Up, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.#servers.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    this.#hasOrphans = signal === "SIGKILL";
    await exited;
  }

  /** Ended, with the code null, when it takes longer than `timeout` milliseconds. `input`: what standard input holds. */
  async run(args: readonly string[], env: NodeJS.ProcessEnv = {}, timeout = RUN_MS, input = ""): Promise<Ended> {
    const surroundings = { cwd: this.folder, env: { ...this.env, ...env } };
    const child = spawn(process.execPath, [program, ...args], { ...surroundings, timeout });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    child.stdin.end(input);
    const [code] = await once(child, "close");
    return { code, stdout, stderr };
  }

  /** A folder with these files. */
  async source(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const path = join(this.folder, name);
    await mkdir(path, { recursive: true });
    for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text);
    return path;
  }

  /** Deploys such a folder as `acme/<name>`. */
  async deploy(name: string, files: Readonly<Record<string, string>>, ...more: readonly string[]): Promise<Ended> {
    return this.run(["deploy", await this.source(name, files), "--org", "acme", "--endpoint", name, ...more]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The next server on the data folder ends them.
    if (this.#hasOrphans) await this.up();
    for (const child of this.#servers) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
