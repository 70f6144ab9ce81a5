import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { type EndpointSpec, isLanguage, type Runtime } from "@faas/core";
import { runtimeCommand } from "../../common/runtime-command.ts";
import { setsStartVariables } from "../../common/start-variables.ts";
import type { RuntimeOptions } from "../../common/wrapper-environment.ts";
import { memoryRlimit } from "../sandbox/memory-rlimit.ts";
import type { ProcessFolder } from "../sandbox/sandbox.ts";
import type { ClaimedCode } from "./code-slots.ts";
import {
  assign,
  isClaimable,
  type PrewarmedProcess,
  type SandboxContext,
  startPrewarmed,
} from "./prewarmed-process.ts";

/** Delay of a refill after a claim, so that it rarely competes with the start of the claiming function. */
const REFILL_DELAY_MS = 500;
/** Variants differ mostly by heap size: the pool serves those that most endpoints have. */
const MAX_VARIANTS = 3;

/** Prewarmed processes that are interchangeable. */
interface Variant {
  readonly runtime: Runtime;
  readonly memoryBytes: number;
  /** Number of endpoints that could use one. */
  endpoints: number;
  readonly waiting: PrewarmedProcess[];
}

/** A prewarmed process that was assigned to a function. */
export interface ClaimedProcess {
  readonly child: ChildProcess;
  /** Folder and code of a sandboxed process. */
  readonly sandboxed?: { readonly folder: ProcessFolder; readonly code: ClaimedCode };
}

/** Folders of a process that is not sandboxed. */
export interface UnsandboxedFolders {
  readonly folder: ProcessFolder;
  readonly cacheFolder: string;
}

/**
 * Processes that have started their runtime and nothing else, so that a cold start does not wait for it
 * (docs/decisions/0016-prewarmed-processes.md). Each is used once.
 */
export class PrewarmPool {
  readonly #size: number;
  readonly #options: RuntimeOptions;
  readonly #context: SandboxContext | undefined;
  readonly #variants = new Map<string, Variant>();
  /** The wrapper of the latest function per runtime, which processes run in advance: most likely the next function's wrapper too. */
  readonly #wrappers = new Map<string, string | undefined>();
  #timer: NodeJS.Timeout | undefined;

  /** @param size number of processes per variant that endpoints need; 0 disables the pool */
  constructor(size: number, options: RuntimeOptions, context?: SandboxContext) {
    this.#size = size;
    this.#options = options;
    this.#context = context;
  }

  /** Counts an endpoint that could use a process. `findBundle` returns the folder of its function. */
  addEndpoint(spec: EndpointSpec, findBundle: () => Promise<string>): void {
    const key = variantKey(spec);
    if (this.#size === 0 || key === undefined) return;
    if (!this.#wrappers.has(runtimeCommand(spec.runtime).name)) void this.#findWrapper(spec, findBundle);
    const variant = this.#variants.get(key);
    if (variant) variant.endpoints++;
    else {
      const { runtime, memoryBytes } = spec;
      this.#variants.set(key, { runtime, memoryBytes, endpoints: 1, waiting: [] });
    }
    this.#refillSoon();
  }

  /** Stops counting an endpoint. Ends the processes that no endpoint can use. */
  removeEndpoint(spec: EndpointSpec): void {
    const key = variantKey(spec);
    const variant = key === undefined ? undefined : this.#variants.get(key);
    if (key === undefined || variant === undefined || --variant.endpoints > 0) return;
    this.#variants.delete(key);
    endAll(variant.waiting);
  }

  /**
   * Assigns a waiting process to a function. Returns undefined if none is suitable.
   *
   * @param bundle folder of the function
   * @param folders folders to use if the process is not sandboxed; a sandboxed process has its own
   * @param environment builds the complete environment of the process
   */
  claim(
    spec: EndpointSpec,
    bundle: string,
    folders: UnsandboxedFolders,
    environment: (folder: ProcessFolder, cacheFolder: string) => NodeJS.ProcessEnv,
  ): ClaimedProcess | undefined {
    this.#useWrapper(spec, bundle);
    if (setsStartVariables(spec)) return undefined;
    const waiting = this.#variants.get(variantKey(spec) ?? "")?.waiting ?? [];
    const index = waiting.findIndex(isClaimable);
    if (index < 0 || this.#context?.slots.prepare(spec, bundle) === false) return undefined;
    const prewarmed = waiting.splice(index, 1)[0] as PrewarmedProcess;
    this.#refillSoon();
    const { child, sandboxed } = prewarmed;
    if (sandboxed === undefined) {
      assign(child, bundle, environment(folders.folder, folders.cacheFolder));
      return { child };
    }
    const { folder, slot } = sandboxed;
    const code = this.#context?.slots.claim(spec, slot);
    if (code === undefined) {
      endAll([prewarmed]);
      return undefined;
    }
    const { limitedWhenClaimed } = runtimeCommand(spec.runtime);
    assign(child, code.code, environment(folder, code.cache), limitedWhenClaimed ? memoryRlimit(spec) : undefined);
    return { child, sandboxed: { folder, code } };
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const { waiting } of this.#variants.values()) endAll(waiting);
    this.#variants.clear();
  }

  async #findWrapper(spec: EndpointSpec, findBundle: () => Promise<string>): Promise<void> {
    this.#wrappers.set(runtimeCommand(spec.runtime).name, undefined);
    try {
      this.#useWrapper(spec, await findBundle());
    } catch {
      // The bundle is missing: the function's own start reports that.
    }
  }

  #useWrapper({ runtime }: EndpointSpec, bundle: string): void {
    const { name, wrapper } = runtimeCommand(runtime);
    this.#wrappers.set(name, join(bundle, wrapper));
  }

  #refillSoon(): void {
    this.#timer ??= setTimeout(() => this.#refill(), REFILL_DELAY_MS).unref();
  }

  #refill(): void {
    this.#timer = undefined;
    const variants = [...this.#variants.values()].toSorted((a, b) => b.endpoints - a.endpoints);
    for (const { waiting } of variants.slice(MAX_VARIANTS)) endAll(waiting);
    for (const variant of variants.slice(0, MAX_VARIANTS))
      for (let missing = this.#size - variant.waiting.length; missing > 0; missing--) this.#start(variant);
  }

  #start({ runtime, memoryBytes, waiting }: Variant): void {
    const wrapper = this.#wrappers.get(runtimeCommand(runtime).name);
    const prewarmed = startPrewarmed({ runtime, memoryBytes, wrapper }, this.#options, this.#context);
    const onEnd = () => {
      const index = waiting.indexOf(prewarmed);
      if (index >= 0) waiting.splice(index, 1);
      prewarmed.removeFolders();
    };
    prewarmed.child.once("exit", onEnd);
    // The program is missing: the function's own start reports that.
    prewarmed.child.once("error", onEnd);
    waiting.push(prewarmed);
  }
}

function endAll(processes: PrewarmedProcess[]): void {
  for (const { child, removeFolders } of processes.splice(0)) {
    child.kill("SIGKILL");
    removeFolders();
  }
}

/** Returns the key of the variant that suits a function; undefined if none does. The memory limit matters only where it is set before the claim. */
function variantKey({ app, runtime, memoryBytes }: EndpointSpec): string | undefined {
  if (app === "server") return undefined;
  if (!isLanguage(runtime)) return undefined;
  const { name, limitedWhenClaimed } = runtimeCommand(runtime);
  return limitedWhenClaimed ? name : `${name} ${memoryBytes}`;
}
