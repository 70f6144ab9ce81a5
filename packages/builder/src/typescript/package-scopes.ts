import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { isOutside, type ModuleFormat } from "./file-names.ts";

/** Module formats by the `type` of the nearest `package.json`, as in Node. */
export class PackageScopes {
  readonly #folder: string;
  readonly #fallback: ModuleFormat;
  readonly #types = new Map<string, ModuleFormat | undefined>();

  /** @param fallback - format to emit where no `package.json` has a `type` */
  constructor(folder: string, fallback: ModuleFormat) {
    this.#folder = folder;
    this.#fallback = fallback;
  }

  /** Returns the format that Node takes a `.js` file beside a file of the bundle for. */
  nodeFormat(path: string): ModuleFormat {
    return this.#typeIn(dirname(path)) ?? "cjs";
  }

  /** Returns the format to emit for a file whose extension does not say it. */
  wantedFormat(path: string): ModuleFormat {
    return this.#typeIn(dirname(path)) ?? this.#fallback;
  }

  /** Returns true if no `package.json` decides about a file. */
  isUndecided(path: string): boolean {
    return this.#typeIn(dirname(path)) === undefined;
  }

  #typeIn(folder: string): ModuleFormat | undefined {
    if (!this.#types.has(folder)) this.#types.set(folder, this.#read(folder));
    return this.#types.get(folder);
  }

  #read(folder: string): ModuleFormat | undefined {
    const text = readText(join(folder, "package.json"));
    if (text !== undefined) return typeOf(text);
    const isTop = folder === this.#folder || folder === dirname(folder);
    // A file outside of the folder belongs to its own package, not to one further up than the function's.
    const isAbove = isOutside(`${relative(this.#folder, folder)}/`) && this.#folder.startsWith(`${folder}/`);
    return isTop || isAbove ? undefined : this.#typeIn(dirname(folder));
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Returns the format of a manifest; undefined without `type`, and for one that does not parse, which `manifest.ts` reports. */
function typeOf(text: string): ModuleFormat | undefined {
  try {
    const { type } = JSON.parse(text.replace(/^\ufeff/, ""));
    return type === "module" ? "esm" : type === "commonjs" ? "cjs" : undefined;
  } catch {
    return undefined;
  }
}
