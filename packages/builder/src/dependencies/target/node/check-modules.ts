import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { readOptionalText } from "../../../source/manifest.ts";
import {
  noPrebuiltPackage,
  type TargetOptions,
  type TargetPlatform,
  type UnavailablePackage,
  withVersion,
} from "../platform.ts";
import { type InstalledModule, installedModules, type ModuleManifest } from "./modules.ts";
import { platformObjection } from "./npm-platform.ts";
import { findModule, type ModuleTree, namesIn, optionalSet } from "./optional.ts";
import { judgeModule } from "./scripts.ts";

interface CheckOptions {
  readonly platform: TargetPlatform;
  /** Paths of packages from repositories. */
  readonly repositories: ReadonlySet<string>;
  readonly onLine: TargetOptions["onLine"];
}

const SCRIPTS_ADVICE =
  "If none of its packages needs its script, put ignore-scripts=true in the .npmrc beside package.json";

/**
 * Checks that the packages in `node_modules` work on a platform, and removes optional ones that would have to be compiled.
 *
 * @throws NO_PREBUILT_PACKAGE
 */
export async function checkModules(work: string, { platform, repositories, onLine }: CheckOptions): Promise<void> {
  const modules = new Map<string, InstalledModule>();
  for await (const each of installedModules(work)) modules.set(each.path, each);
  const root = JSON.parse(await readFile(join(work, "package.json"), "utf8")) as ModuleManifest;
  const tree = { modules, root };
  const ignoreScripts = /^\s*ignore-scripts\s*(?:=\s*true\s*)?$/m.test(
    (await readOptionalText(join(work, ".npmrc"))) ?? "",
  );
  const unavailable = new Map<string, UnavailablePackage>();
  const removed = new Set<string>();
  let hasScripts = false;
  for (const module of modules.values()) {
    const { path, name, version } = module;
    const objection = platformObjection(module.manifest, platform);
    const judgement = objection
      ? { kind: "unusable" as const, reason: objection }
      : judgeModule(module, {
          platform,
          ignoreScripts,
          isRepository: repositories.has(path),
          optional: optionalOf(tree, module),
        });
    if (judgement.kind === "skipped")
      onLine?.(`Skipped the scripts of ${withVersion(name, version)} (${judgement.scripts})`);
    hasScripts ||= judgement.kind === "script";
    const set = judgement.kind === "source" ? optionalSet(tree, path) : undefined;
    if (set)
      onLine?.(
        `Left out ${withVersion(name, version)}, which is optional: it ${judgement.kind === "source" ? judgement.reason : ""}`,
      );
    for (const each of set ?? []) removed.add(each);
    if (!set && "reason" in judgement) unavailable.set(path, { name, version, reason: judgement.reason });
  }
  for (const path of removed) unavailable.delete(path);
  if (unavailable.size > 0)
    throw noPrebuiltPackage(platform, [...unavailable.values()], hasScripts ? SCRIPTS_ADVICE : "");
  for (const path of removed) await rm(join(work, path), { recursive: true, force: true });
}

const optionalOf = (tree: ModuleTree, { path, manifest }: InstalledModule): InstalledModule[] =>
  namesIn(manifest, "optionalDependencies").flatMap((name) => findModule(tree, path, name) ?? []);
