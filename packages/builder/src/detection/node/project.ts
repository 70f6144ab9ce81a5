import type { PackageJson } from "../../source/manifest.ts";
import type { Detected } from "../../source/runtime.ts";
import type { Source } from "../../source/source.ts";

/** A Node or TypeScript folder. */
export interface NodeProject {
  readonly source: Source;
  readonly manifest: PackageJson | undefined;
  /** File of a plain function, found by the same rules as in the wrapper. */
  readonly functionFile: Detected | undefined;
}
