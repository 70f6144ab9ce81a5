import type { PackageJson } from "../../source/manifest.ts";
import type { Detected } from "../../source/runtime.ts";
import type { Source } from "../../source/source.ts";

/** A Node or TypeScript folder. */
export interface NodeProject {
  readonly source: Source;
  readonly manifest: PackageJson | undefined;
  /** File of a plain function, by the rules that the wrapper has too; undefined if there is none. */
  readonly functionFile: Detected | undefined;
}
