import type { Language } from "./settings.ts";

/** File of the wrapper in a bundle or an image, per language (docs/wrapper-protocol.md). Compiled TypeScript runs on Node. */
export const WRAPPER_FILES = {
  node: ".interface.mjs",
  typescript: ".interface.mjs",
  python: ".interface.py",
} as const satisfies Record<Language, string>;
