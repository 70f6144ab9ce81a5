import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandOutput, type Ended, type RunningCommand } from "./running-command.ts";

const program = join(import.meta.dirname, "../../cli/bin/faas.js");
const START_TIMEOUT_MS = 20_000;
const RUN_TIMEOUT_MS = 300_000;

export interface StartOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Text of standard input. */
  readonly input?: string;
  /** Milliseconds until the process is ended. */
  readonly timeout?: number;
}

/** Starts the built `faas` as a process of its own, which the caller ends. */
export function startFaas(
  args: readonly string[],
  { cwd, env = {}, input = "", timeout }: StartOptions,
): RunningCommand & { readonly child: ChildProcess } {
  const output = new CommandOutput();
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { ...process.env, NODE_OPTIONS: "", ...env },
    ...(timeout === undefined ? {} : { timeout }),
  });
  child.stdout.pipe(output.stdout);
  child.stderr.pipe(output.stderr);
  child.stdin.on("error", () => {}).end(input);
  const code = once(child, "close").then(([exitCode]) => exitCode as number | null);
  return { ...output.running(code, () => child.kill("SIGINT")), child };
}

/** Server that `faas up` started. */
export interface Up {
  readonly url: string;
  readonly child: ChildProcess;
  stderr(): string;
}

/** The built `faas`, as a user runs it, with its own data folder and home. */
export class FaasProcess implements AsyncDisposable {
  readonly folder: string;
  readonly data: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #servers = new Set<ChildProcess>();
  /** True after a server was killed, whose replicas still run. */
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

  static async create(): Promise<FaasProcess> {
    return new FaasProcess(await mkdtemp(join(tmpdir(), "faas-built-")));
  }

  /** Runs `faas up` on a free port; resolves when it accepts requests. `before` is shell code that runs first, in the same process; the server is `"$0" "$@"`. */
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
    const signal = AbortSignal.timeout(START_TIMEOUT_MS);
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

  /** Runs a command to its end; its code is null when it takes longer than `timeout` milliseconds. */
  async run(
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    timeout = RUN_TIMEOUT_MS,
    input = "",
  ): Promise<Ended> {
    return startFaas(args, { cwd: this.folder, env: { ...this.env, ...env }, timeout, input }).ended;
  }

  /** Writes a folder with these files; returns its path. */
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
    // The next server on the data folder ends the orphans.
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
