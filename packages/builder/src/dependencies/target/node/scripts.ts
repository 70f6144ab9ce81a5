import { fitOf, formatBinaries } from "../binary/fit.ts";
import type { TargetPlatform } from "../platform.ts";
import type { InstalledModule, ModuleManifest } from "./modules.ts";

/** Scripts of a dependency that npm runs when it installs it. */
const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall"] as const;
/** Scripts that npm also runs for a dependency from a repository, to build what a registry would have. */
const REPOSITORY_SCRIPTS = ["prepublish", "preprepare", "prepare", "postprepare"] as const;
const COMPILE = "node-gyp rebuild";

/** Scripts that only print, check, or ask for money, by their text. */
const HARMLESS =
  /\bonly-allow\b|\bopencollective\b|\bcheck-node-version\b|^node -e "(?:try\{require\('\.\/postinstall'\)\}catch|console\.|require\('\.\/postinstall'\))|^(?:echo|exit|true|:)(?:\s|$)|^husky\b|^patch-package\b|\|\| (?:true|exit 0)$/;
/** Packages whose scripts only print, check, or try what may fail. */
const HARMLESS_PACKAGES =
  /^(?:core-js(?:-pure|-bundle)?|protobufjs|es5-ext|@nestjs\/core|ssh2|styled-components|@apollo\/protobufjs|msw)$/;

/** Judgement of an installed package, whose scripts did not run. */
export type Judgement =
  | { readonly kind: "complete" }
  /** Scripts did not run that it does not need. */
  | { readonly kind: "skipped"; readonly scripts: string }
  /** Package to compile, which fails on most images; npm removes it if it is optional. */
  | { readonly kind: "source"; readonly reason: string }
  /** Package whose script may create what it needs. */
  | { readonly kind: "script"; readonly reason: string }
  | { readonly kind: "unusable"; readonly reason: string };

export interface JudgeOptions {
  readonly platform: TargetPlatform;
  /** True if the scripts do not run in a container either, as `ignore-scripts` in `.npmrc` says. */
  readonly ignoreScripts: boolean;
  /** True for a package from a repository. */
  readonly isRepository: boolean;
  /** Optional dependencies of the package that are installed. */
  readonly optional: readonly InstalledModule[];
}

/** Judges whether a package works on a platform although its install scripts did not run. Its binaries decide, not the names of files. */
export function judgeModule(module: InstalledModule, options: JudgeOptions): Judgement {
  const { platform, ignoreScripts, isRepository, optional } = options;
  const scripts = ignoreScripts ? [] : scriptsOf(module, isRepository);
  const fit = fitOf(module.binaries, platform);
  if (scripts.length === 0) {
    if (fit !== "others") return { kind: "complete" };
    return { kind: "unusable", reason: `has binaries for ${formatBinaries(module.binaries)} only` };
  }
  const text = scripts.map(([name, script]) => `${name}: ${script}`).join("; ");
  // Platform packages, as of esbuild and sharp: the script only checks them, or saves the start of a launcher.
  const hasBinary = fit === "fits" || optional.some((each) => fitOf(each.binaries, platform) === "fits");
  if (hasBinary || scripts.every(([, script]) => isHarmless(module.name, script)))
    return { kind: "skipped", scripts: text };
  if (scripts.some(([, script]) => isCompilation(script)) || module.hasGyp)
    return { kind: "source", reason: `has no binary for the platform and would be compiled (${text})` };
  return { kind: "script", reason: `has an install script, which only runs in a container (${text})` };
}

/** Lists the scripts of a package that npm would run, by name. */
function scriptsOf({ manifest, hasGyp }: InstalledModule, isRepository: boolean): [name: string, script: string][] {
  const names = isRepository ? [...INSTALL_SCRIPTS, ...REPOSITORY_SCRIPTS] : INSTALL_SCRIPTS;
  const texts = manifest.scripts as ModuleManifest | undefined;
  const found = names.flatMap((name): [string, string][] => {
    const script = texts?.[name];
    return typeof script === "string" && script !== "" ? [[name, script]] : [];
  });
  const isImplicit =
    hasGyp && manifest.gypfile !== false && !found.some(([name]) => name === "install" || name === "preinstall");
  return isImplicit ? [["install", COMPILE], ...found] : found;
}

const isHarmless = (name: string, script: string) => HARMLESS_PACKAGES.test(name) || HARMLESS.test(script.trim());

const isCompilation = (script: string) =>
  /\b(?:node-gyp|node-gyp-build\S*|node-pre-gyp|prebuild-install|prebuild|cmake-js|pkg-prebuilds\S*|neon|cargo|make|cmake)\b/.test(
    script,
  );
