import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { eventually } from "./eventually.ts";
import { HttpClient } from "./http-client.ts";
import { CommandOutput, type Ended, type RunningCommand } from "./running-command.ts";
import { tempDir } from "./temp-dir.ts";

/** Path of the built CLI. */
export const faasProgram = join(import.meta.dirname, "../../cli/bin/faas.js");

const START_TIMEOUT_MS = 60_000;
const RUN_TIMEOUT_MS = 300_000;

/** Settings of {@link startFaas}. */
export interface StartOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Content of standard input. */
  readonly input?: string | Buffer;
  /** Milliseconds until the process is ended. */
  readonly timeoutMs?: number;
  /**
   * Path of the CLI.
   *
   * @defaultValue the built CLI of this repository
   */
  readonly program?: string;
}

/** Command that runs as a process of its own. */
export interface RunningProcess extends RunningCommand {
  readonly ended: Promise<EndedProcess>;
  readonly child: ChildProcess;
}

/** Result of a process that has ended. */
export interface EndedProcess extends Ended {
  readonly stdoutBytes: Buffer;
}

/** Starts the built `faas` as a process of its own, which the caller ends. */
export function startFaas(
  args: readonly string[],
  { cwd, env = {}, input = "", timeoutMs, program = faasProgram }: StartOptions,
): RunningProcess {
  const output = new CommandOutput();
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { ...process.env, NODE_OPTIONS: "", ...env },
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk) => chunks.push(chunk)).pipe(output.stdout);
  child.stderr.pipe(output.stderr);
  // A command that does not read its input may have ended before it is written.
  child.stdin.on("error", () => {}).end(input);
  const code = once(child, "close").then(([exitCode]) => exitCode as number | null);
  const running = output.running(code, () => child.kill("SIGINT"));
  const ended = running.ended.then((result) => ({ ...result, stdoutBytes: Buffer.concat(chunks) }));
  return { ...running, ended, child };
}

/** Server that `faas up` started. */
export interface RunningServer {
  readonly url: string;
  readonly child: ChildProcess;
  readonly pid: number;
  /** Returns everything that the server has written to stderr. */
  stderr(): string;
}

/** Settings of a {@link FaasProcess}. */
export interface FaasProcessOptions {
  /**
   * Path of the CLI.
   *
   * @defaultValue the built CLI of this repository
   */
  readonly program?: string;
  /** Additional environment variables of all processes. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Settings of {@link FaasProcess.up}. */
export interface UpOptions {
  /** Additional arguments of `faas up`. */
  readonly args?: readonly string[];
  /** Arguments of Node. */
  readonly nodeArgs?: readonly string[];
  /** Shell code that runs first, in the same process; the server is `"$0" "$@"`. */
  readonly before?: string;
}

/** Settings of {@link FaasProcess.run}. */
export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Content of standard input. */
  readonly input?: string | Buffer;
  /**
   * Milliseconds after which the command is ended.
   *
   * @defaultValue 300,000
   */
  readonly timeoutMs?: number;
}

/** The built `faas`, as a user runs it, with a data folder and a home of its own. */
export class FaasProcess implements AsyncDisposable {
  readonly folder = tempDir("process");
  readonly data = join(this.folder, "data");
  readonly env: NodeJS.ProcessEnv;
  readonly #program: string;
  readonly #children = new Set<ChildProcess>();
  /** True while a killed server's replicas may still run. */
  #hasOrphans = false;

  constructor({ program = faasProgram, env = {} }: FaasProcessOptions = {}) {
    this.#program = program;
    this.env = {
      ...process.env,
      HOME: this.folder,
      XDG_CACHE_HOME: join(this.folder, "cache"),
      FAAS_DATA: this.data,
      NO_COLOR: "1",
      NODE_OPTIONS: "",
      ...env,
    };
  }

  /** Runs `faas up` on a free port until it accepts requests; later commands use this server. */
  async up({ before = "", args = [], nodeArgs = [] }: UpOptions = {}): Promise<RunningServer> {
    const argv = [...nodeArgs, this.#program, "up", "--port", "0", ...args];
    const child = before
      ? spawn("sh", ["-c", `${before} && exec "$0" "$@"`, process.execPath, ...argv], { env: this.env })
      : spawn(process.execPath, argv, { env: this.env });
    this.#children.add(child);
    this.#hasOrphans = false;
    const stderr = textOf(child.stderr);
    const url = await Promise.race([
      firstOutput(child),
      once(child, "close").then(([code]) => Promise.reject(new Error(`faas up ended with ${code}: ${stderr()}`))),
    ]);
    this.env.FAAS_SERVER = url;
    return { url, child, pid: child.pid as number, stderr };
  }

  /** Ends a server and waits until it has exited. Its replicas outlive a SIGKILL. */
  async kill({ child }: RunningServer, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (!isRunning(child)) return;
    await end(child, signal);
    this.#hasOrphans = signal === "SIGKILL";
  }

  /** Starts a command that runs until it ends by itself or is interrupted, or until this object is disposed of. */
  start(args: readonly string[], { env = {}, ...options }: RunOptions = {}): RunningProcess {
    const process = { cwd: this.folder, program: this.#program, env: { ...this.env, ...env } };
    const running = startFaas(args, { ...process, ...options });
    this.#children.add(running.child);
    running.child.once("exit", () => this.#children.delete(running.child));
    return running;
  }

  /** Runs a command to its end. */
  run(args: readonly string[], options: RunOptions = {}): Promise<EndedProcess> {
    return this.start(args, { timeoutMs: RUN_TIMEOUT_MS, ...options }).ended;
  }

  /**
   * Runs a command to its end and returns its standard output.
   *
   * @throws Error when the exit code is not 0
   */
  async succeed(args: readonly string[], options?: RunOptions): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code !== 0) throw new Error(`faas ${args.join(" ")} ended with exit code ${code}: ${stderr}`);
    return stdout;
  }

  /** Writes a folder with these files. */
  async source(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const path = join(this.folder, name);
    await mkdir(path, { recursive: true });
    for (const [file, text] of Object.entries(files)) {
      await mkdir(dirname(join(path, file)), { recursive: true });
      await writeFile(join(path, file), text);
    }
    return path;
  }

  /** Writes such a folder and deploys it as `acme/<name>`. */
  async deploy(name: string, files: Readonly<Record<string, string>>, ...args: readonly string[]) {
    return this.run(["deploy", await this.source(name, files), "--org", "acme", "--endpoint", name, ...args]);
  }

  /** Waits until an endpoint of the running server has no replica. */
  async untilIdle(endpoint: string, org = "acme"): Promise<void> {
    using client = new HttpClient(this.env.FAAS_SERVER as string);
    await eventually(
      `${org}/${endpoint} is idle`,
      async () => {
        const path = `/-/orgs/${org}/endpoints/${endpoint}`;
        const { phase, replicas } = await client.json<{ phase: string; replicas: unknown[] }>("GET", path);
        return phase === "idle" && replicas.length === 0;
      },
      { intervalMs: 25 },
    );
  }

  /** Ends all processes, replicas included, and removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    // The next server on the data folder ends the replicas of a killed one.
    if (this.#hasOrphans) await this.up({ args: ["--pool-size", "0"] });
    for (const child of this.#children) await end(child, "SIGTERM");
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

const isRunning = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null;

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (!isRunning(child)) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

function textOf(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk) => (text += chunk));
  return () => text;
}

async function firstOutput({ stdout }: ChildProcessWithoutNullStreams): Promise<string> {
  const [text] = await once(stdout, "data", { signal: AbortSignal.timeout(START_TIMEOUT_MS) });
  return String(text).trim();
}
