import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { Writable } from "node:stream";
import type { Runtime } from "@faas/core";
import { programOf, runtimeCommand } from "../../common/runtime-command.ts";
import { type RuntimeOptions, runtimeEnvironment, sharedCacheFolder } from "../../common/wrapper-environment.ts";
import { isLauncher, PROGRAMS_FOLDER } from "../sandbox/landlock.ts";
import { memoryRlimit } from "../sandbox/memory-rlimit.ts";
import type { ProcessFolder, Sandbox } from "../sandbox/sandbox.ts";
import type { CodeSlots, Slot } from "./code-slots.ts";

/** Objects that all sandboxed processes share. */
export interface SandboxContext {
  readonly sandbox: Sandbox;
  readonly slots: CodeSlots;
}

/** A process that runs a runtime and waits for its function. */
export interface PrewarmedProcess {
  readonly child: ChildProcess;
  /** Folders of a sandboxed process. */
  readonly sandboxed?: { readonly folder: ProcessFolder; readonly slot: Slot };
  /** Removes its folders. */
  removeFolders(): void;
}

/** Runtime and memory limit of a prewarmed process. */
export interface PrewarmedSpec {
  readonly runtime: Runtime;
  readonly memoryBytes: number;
  /** Wrapper to run in advance, most likely that of its function. */
  readonly wrapper: string | undefined;
}

/** Starts a process that waits for a function. */
export function startPrewarmed(
  { runtime, memoryBytes, wrapper }: PrewarmedSpec,
  options: RuntimeOptions,
  context: SandboxContext | undefined,
): PrewarmedProcess {
  const { prewarmed, limitedWhenClaimed } = runtimeCommand(runtime);
  const name = `prewarmed-${randomBytes(4).toString("hex")}`;
  const [program, ...args] = programOf(runtime, memoryBytes, options);
  const commandFor = (ahead?: string): [string, ...string[]] => [
    program,
    ...args,
    join(PROGRAMS_FOLDER, prewarmed),
    ...(ahead ? [ahead] : []),
  ];
  if (context === undefined) {
    const socketPath = join(options.runFolder, `${name}.sock`);
    const environment = runtimeEnvironment(runtime, options.runFolder, sharedCacheFolder(runtime, options.cacheFolder));
    const child = spawnWaiting(commandFor(wrapper), options.runFolder, { ...environment, PORT: socketPath });
    return { child, removeFolders: () => rmSync(socketPath, { force: true }) };
  }
  const { sandbox, slots } = context;
  const folder = sandbox.createFolder(name);
  const slot = slots.createSlot(name);
  const ahead = wrapper && copyIfPossible(wrapper, join(slot.folder, basename(wrapper)));
  const command = sandbox.command(runtime, commandFor(ahead), folder, {
    read: [slot.folder],
    write: [slot.writable],
    mounts: [["ro", slot.used, slot.visibleAt]],
    dataBytes: limitedWhenClaimed ? 0 : memoryRlimit({ runtime, memoryBytes }),
  });
  // Not the function's own socket path: the server moves a socket from there as soon as it exists.
  const environment = { ...runtimeEnvironment(runtime, folder.home), PORT: join(folder.path, "b") };
  return {
    child: spawnWaiting(command, folder.path, environment),
    sandboxed: { folder, slot },
    removeFolders: () => {
      rmSync(folder.path, { recursive: true, force: true });
      slots.removeSlot(slot);
    },
  };
}

/** Spawns a process with a pipe for its assignment. PORT is in its environment, as in a replica's, so that a killed server's successor finds the process. */
function spawnWaiting(
  [program, ...args]: readonly [program: string, ...args: string[]],
  cwd: string,
  env: NodeJS.ProcessEnv,
): ChildProcess {
  return spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe", "pipe"], detached: true });
}

/** Checks whether a process can be claimed: while its launcher runs, its slot must not be moved. */
export function isClaimable({ child, sandboxed }: PrewarmedProcess): boolean {
  if (sandboxed === undefined) return true;
  try {
    const commandLine = readFileSync(`/proc/${child.pid}/cmdline`, "latin1");
    // Empty for a process that has ended (proc(5)).
    return commandLine !== "" && !isLauncher(commandLine);
  } catch {
    return false;
  }
}

/**
 * Makes a prewarmed process run a function.
 *
 * @param dataBytes bytes that it may map for writing, for a process whose limit was not set when it started
 */
export function assign(child: ChildProcess, folder: string, env: NodeJS.ProcessEnv, dataBytes?: number): void {
  child.removeAllListeners();
  const assignment = child.stdio[3] as Writable;
  // The process has just ended: its exit event reports that.
  assignment.on("error", () => {});
  assignment.end(`${JSON.stringify({ folder, env, dataBytes })}\n`);
}

function copyIfPossible(file: string, to: string): string | undefined {
  try {
    copyFileSync(file, to);
    return to;
  } catch {
    return undefined;
  }
}
