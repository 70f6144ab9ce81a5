import { availableParallelism } from "node:os";
import { FaasError, type Language, type Runtime, WRAPPER_FILES } from "@faas/core";
import { heapOption } from "./limit-variables.ts";

const GIB = 2 ** 30;
/** Bytes that allocators map long before they use them. */
const UNUSED_HEAP = 2 * GIB;
/** Bytes of a thread's stack: mapped in full, about 1 % used. */
const THREAD_STACK = 8 * 2 ** 20;
/** True since V8 13, where each JavaScript thread maps 512 MiB for compiled code and uses almost none of it. */
const MAPS_CODE = Number(process.versions.v8.split(".")[0]) >= 13;

/** The programs that run functions on this machine. */
export interface Programs {
  readonly node: string;
  readonly python: string;
}

/** Description of how a language's processes are started and limited. */
export interface RuntimeCommand {
  /** Name of the runtime: languages with the same name share prewarmed processes and the folder of compiled code. */
  readonly name: string;
  /** File in the bundle that the program runs. */
  readonly wrapper: string;
  /** File in `packages/platforms/programs` that a prewarmed process runs. */
  readonly prewarmed: string;
  /** True if a prewarmed process gets its memory limit together with the function, false if the limit is set when the process starts. */
  readonly limitedWhenClaimed: boolean;
  /** Environment variable that names the folder of compiled code. */
  readonly cacheVariable: string;
  /** Arguments that make the program print its own path and its other installation paths, one per line; absent if its path is the program itself. */
  readonly printInstallation?: readonly string[];
  /** Failure detail for a program that is not installed; absent for the server's own program, which is always installed. */
  readonly missing?: (program: string) => string;
  program(programs: Programs): string;
  /** True if SIGUSR1 makes the process listen for a debugger, and print its address. */
  readonly hasInspector: boolean;
  /** Returns the arguments before the file to run. */
  flags(memoryBytes: number): readonly string[];
  /** Returns the bytes that a process maps for writing but does not use. */
  unusedBytes(concurrency: number): number;
}

/** A debugger of any port, whose secret address only the server reads: others on this machine must not find it. */
const INSPECTOR_OPTIONS = ["--inspect-port=0", "--inspect-publish-uid=stderr"];

const NODE: RuntimeCommand = {
  name: "node",
  wrapper: WRAPPER_FILES.node,
  prewarmed: "prewarmed.mjs",
  limitedWhenClaimed: false,
  cacheVariable: "NODE_COMPILE_CACHE",
  program: ({ node }) => node,
  flags: (memoryBytes) => [heapOption(memoryBytes), ...INSPECTOR_OPTIONS],
  hasInspector: true,
  unusedBytes: () => (MAPS_CODE ? (3 + availableParallelism()) * GIB : UNUSED_HEAP),
};

const PYTHON: RuntimeCommand = {
  name: "python",
  wrapper: WRAPPER_FILES.python,
  prewarmed: "prewarmed.py",
  limitedWhenClaimed: true,
  cacheVariable: "PYTHONPYCACHEPREFIX",
  // A version manager installs a script as "python3".
  printInstallation: [
    "-c",
    "import sys; print(sys.executable, sys.prefix + '/bin/python3', sys.base_prefix + '/bin/python3', sep='\\n')",
  ],
  missing: (program) =>
    `The function needs Python, but "${program}" is not installed on the server's machine: install Python 3.9 or newer`,
  program: ({ python }) => python,
  // Without the module `site`: a function does not see the packages of this machine's Python, and starts faster.
  flags: () => ["-S"],
  hasInspector: false,
  unusedBytes: (concurrency) => UNUSED_HEAP + concurrency * THREAD_STACK,
};

const RUNTIME_COMMANDS = { node: NODE, typescript: NODE, python: PYTHON } satisfies Record<Language, RuntimeCommand>;

/** Returns the bytes that a process of a server maps for writing but does not use: its command may run any program. */
export const serverUnusedBytes = (concurrency: number): number =>
  Math.max(NODE.unusedBytes(concurrency), PYTHON.unusedBytes(concurrency));

/**
 * Looks up how a runtime's processes are started.
 *
 * @throws ARTIFACT_UNSUPPORTED for a Dockerfile, which builds an image, and for a program, which has no wrapper
 */
export function runtimeCommand(runtime: Runtime): RuntimeCommand {
  if (runtime === "dockerfile")
    throw new FaasError("ARTIFACT_UNSUPPORTED", "A Dockerfile builds an image, but the embedded platform runs bundles");
  if (runtime === "binary")
    throw new FaasError(
      "ARTIFACT_UNSUPPORTED",
      "A built program is a server: deploy it with --app server and --command",
    );
  return RUNTIME_COMMANDS[runtime];
}

/** Returns the program of a runtime and the arguments before the file to run. */
export function programOf(
  runtime: Runtime,
  memoryBytes: number,
  programs: Programs,
): readonly [program: string, ...args: string[]] {
  const command = runtimeCommand(runtime);
  return [command.program(programs), ...command.flags(memoryBytes)];
}
