import { availableParallelism } from "node:os";
import { FaasError, type Language, type Runtime, WRAPPER_FILES } from "@faas/core";

const GI = 2 ** 30;
/** Bytes that allocators map long before they use them. */
const SPARE = 2 * GI;
/** Bytes of a thread's stack: mapped whole, a hundredth of it used. */
const STACK = 8 * 2 ** 20;
/** Since V8 13 each JavaScript thread maps 512 MiB for compiled code and uses next to nothing of it. */
const MAPS_CODE = Number(process.versions.v8.split(".")[0]) >= 13;

/** The programs that run functions on this machine. */
export interface Programs {
  readonly node: string;
  readonly python: string;
}

/** How the processes of a language are started and bounded. */
export interface RuntimeCommand {
  /** Languages of the same name share prewarmed processes and the folder of compiled code. */
  readonly name: string;
  /** File of the bundle that the program runs. */
  readonly wrapper: string;
  /** File in `packages/platforms/blank` that a prewarmed process runs. */
  readonly prewarmed: string;
  /** Whether a prewarmed process takes its memory limit with the function; if not, the limit is set when the process starts. */
  readonly boundedWhenClaimed: boolean;
  /** Whether a prewarmed process compiles the wrapper ahead. */
  readonly compilesWrapper: boolean;
  /** Environment variable that names the folder of compiled code. */
  readonly cacheVariable: string;
  /** Arguments that make the program print its own path, and where else it is installed, a line each; absent where its path is the program itself. */
  readonly printInstallation?: readonly string[];
  /** Failure detail for a program that is not installed; absent for the server's own program, which is always there. */
  readonly missing?: (program: string) => string;
  program(programs: Programs): string;
  /** Arguments before the file that it runs. */
  memoryFlags(memoryBytes: number): readonly string[];
  /** Bytes that a process maps for writing but does not use. */
  unusedBytes(concurrency: number): number;
}

const NODE: RuntimeCommand = {
  name: "node",
  wrapper: WRAPPER_FILES.node,
  prewarmed: "prewarmed.mjs",
  boundedWhenClaimed: false,
  compilesWrapper: false,
  cacheVariable: "NODE_COMPILE_CACHE",
  program: ({ node }) => node,
  memoryFlags: (memoryBytes) => [`--max-old-space-size=${Math.max(16, Math.floor((memoryBytes / 2 ** 20) * 0.75))}`],
  unusedBytes: () => (MAPS_CODE ? (3 + availableParallelism()) * GI : SPARE),
};

const PYTHON: RuntimeCommand = {
  name: "python",
  wrapper: WRAPPER_FILES.python,
  prewarmed: "prewarmed.py",
  boundedWhenClaimed: true,
  compilesWrapper: true,
  cacheVariable: "PYTHONPYCACHEPREFIX",
  // A version manager puts a script in Python's place.
  printInstallation: [
    "-c",
    "import sys; print(sys.executable, sys.prefix + '/bin/python3', sys.base_prefix + '/bin/python3', sep='\\n')",
  ],
  missing: (program) =>
    `The function needs Python, and "${program}" is not installed on the server's machine: install Python 3.9 or newer`,
  program: ({ python }) => python,
  memoryFlags: () => [],
  unusedBytes: (concurrency) => SPARE + concurrency * STACK,
};

const RUNTIME_COMMANDS = { node: NODE, typescript: NODE, python: PYTHON } satisfies Record<Language, RuntimeCommand>;

/**
 * Looks up how a runtime's processes are started.
 *
 * @throws ARTIFACT_UNSUPPORTED for a Dockerfile, which makes an image
 */
export function runtimeCommand(runtime: Runtime): RuntimeCommand {
  if (runtime === "dockerfile")
    throw new FaasError("ARTIFACT_UNSUPPORTED", "A Dockerfile makes an image, and the embedded platform runs bundles");
  return RUNTIME_COMMANDS[runtime];
}

/** Returns the program of a runtime and the arguments before the file that it runs. */
export function programOf(
  runtime: Runtime,
  memoryBytes: number,
  programs: Programs,
): readonly [program: string, ...args: string[]] {
  const command = runtimeCommand(runtime);
  return [command.program(programs), ...command.memoryFlags(memoryBytes)];
}
