import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FaasError } from "@faas/core";
import { createPathsMatcher, parseTsconfig, type TsConfigJsonResolved } from "get-tsconfig";

/** Compiler options of a `tsconfig.json`, with those that it extends. */
export interface TsconfigOptions {
  /** Path of the file. */
  readonly path: string;
  readonly compilerOptions: NonNullable<TsConfigJsonResolved["compilerOptions"]>;
  /** Returns the paths that `paths` and `baseUrl` name for a specifier. */
  readonly candidates: (specifier: string) => readonly string[];
}

/** The `tsconfig.json` files of a function, each read once. */
export class Tsconfigs {
  readonly #folder: string;
  readonly #cache = new Map<string, TsconfigOptions | undefined>();
  readonly #extended = new Map();
  readonly #onInput: ((path: string) => void) | undefined;

  /**
   * @param folder - folder of the function: one in a parent folder is not part of the function
   * @param onInput - called for each file that is read, also for those that others extend
   */
  constructor(folder: string, onInput?: (path: string) => void) {
    this.#folder = folder;
    this.#onInput = onInput;
  }

  /**
   * Returns the options for a file: those of the nearest `tsconfig.json`.
   *
   * @throws MANIFEST_INVALID
   */
  optionsFor(path: string): TsconfigOptions | undefined {
    return this.#optionsIn(dirname(path));
  }

  #optionsIn(folder: string): TsconfigOptions | undefined {
    if (!this.#cache.has(folder)) this.#cache.set(folder, this.#read(folder));
    return this.#cache.get(folder);
  }

  #read(folder: string): TsconfigOptions | undefined {
    const path = join(folder, "tsconfig.json");
    if (!existsSync(path)) {
      const isTop = folder === this.#folder || folder === dirname(folder);
      return isTop ? undefined : this.#optionsIn(dirname(folder));
    }
    const config = this.#parse(path);
    const matcher = createPathsMatcher({ path, config });
    return {
      path,
      compilerOptions: config.compilerOptions ?? {},
      candidates: (specifier) => matcher?.(specifier) ?? [],
    };
  }

  #parse(path: string): TsConfigJsonResolved {
    try {
      return parseTsconfig(path, this.#extended);
    } catch (cause) {
      // A base from a package that is only installed elsewhere does not decide about the code.
      const own = withoutBase(path);
      if (own) return own;
      throw new FaasError("MANIFEST_INVALID", `${path}: ${(cause as Error).message}`, { cause });
    } finally {
      // The keys of the parser's cache are calls, such as "existsSync:<path>".
      for (const key of this.#extended.keys()) this.#onInput?.(String(key).replace(/^\w+:|:utf8$/g, ""));
    }
  }
}

/** Reads the options of a file that extends others, without these; undefined if it extends none or is not plain JSON. */
function withoutBase(path: string): TsConfigJsonResolved | undefined {
  try {
    const { extends: base, ...own } = JSON.parse(readFileSync(path, "utf8"));
    return base === undefined ? undefined : own;
  } catch {
    return undefined;
  }
}
