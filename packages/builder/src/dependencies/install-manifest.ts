import { relative, resolve } from "node:path";
import { FaasError } from "@faas/core";
import type { Workspace } from "./workspace.ts";

type Manifest = Readonly<Record<string, unknown>>;

/** Scripts that npm runs for the folder that it installs. */
const ROOT_SCRIPTS =
  /^(?:pre|post)?(?:install|prepare|prepublish|prepack)$|^(?:prepublishOnly|dependencies|pnpm:devPreinstall)$/;
/** Scripts that npm runs when it packs a folder that is a dependency. */
const PACK_SCRIPTS = /^(?:pre|post)?(?:prepare|prepublish|prepack|pack)$|^prepublishOnly$/;

/** Version of a package of the workspace that has none: npm compares versions. */
const NO_VERSION = "0.0.0";

/**
 * Creates the `package.json` of the installation of a function: packages of the workspace by their path, and without the scripts of the project
 * itself, which are for a developer's clone and often need development dependencies.
 *
 * @throws MANIFEST_INVALID for `workspace:` and a package that the workspace does not have
 */
export function functionManifest(manifest: Manifest, folder: string, workspace: Workspace | undefined): Manifest {
  const siblings = new Map<string, string>();
  collectSiblings(manifest, folder, workspace, siblings);
  const toPath = (name: string) => {
    const sibling = siblings.get(name);
    return sibling === undefined ? undefined : `file:${relative(folder, sibling)}`;
  };
  const changed: Record<string, unknown> = {
    ...withVersions(manifest, toPath),
    scripts: withoutScripts(manifest, ROOT_SCRIPTS),
  };
  if (!workspace) return changed;
  // All of them are at the top: with npm 10, a path in a dependency's manifest leads nowhere.
  const all = Array.from(siblings, ([name, sibling]) => [name, `file:${relative(folder, sibling)}`]);
  if (all.length > 0) changed.dependencies = { ...(changed.dependencies as object), ...Object.fromEntries(all) };
  // Not installed, and npm rejects versions that it does not know, such as `workspace:*`.
  delete changed.devDependencies;
  if (manifest.overrides === undefined && workspace.manifest.overrides !== undefined)
    changed.overrides = workspace.manifest.overrides;
  return changed;
}

/** Creates the `package.json` of a local package that a function depends on: packages of the workspace by the version that they have. */
export function localManifest(manifest: Manifest, folder: string, workspace: Workspace | undefined): Manifest {
  const toVersion = (name: string, version: string) => {
    const sibling = siblingOf(name, version, folder, workspace);
    return sibling === undefined ? undefined : versionOf(workspace?.manifests.get(sibling));
  };
  const { devDependencies: _, ...changed } = withVersions(manifest, toVersion);
  return { ...changed, version: versionOf(manifest), scripts: withoutScripts(manifest, PACK_SCRIPTS) };
}

const versionOf = (manifest: Manifest | undefined): string => String(manifest?.version ?? NO_VERSION);

/** Adds the folders of the packages of the workspace that a manifest needs, also through others, by the name of the dependency. */
function collectSiblings(
  manifest: Manifest,
  folder: string,
  workspace: Workspace | undefined,
  found: Map<string, string>,
): void {
  for (const field of INSTALLED)
    for (const [name, version] of Object.entries(isRecord(manifest[field]) ? manifest[field] : {})) {
      const sibling = siblingOf(name, String(version), folder, workspace);
      if (sibling === undefined || found.has(name)) continue;
      found.set(name, sibling);
      collectSiblings(workspace?.manifests.get(sibling) ?? {}, sibling, workspace, found);
    }
}

/** Fields whose packages npm installs. */
const INSTALLED = ["dependencies", "optionalDependencies", "peerDependencies"];

function withVersions(
  manifest: Manifest,
  replace: (name: string, version: string) => string | undefined,
): Record<string, unknown> {
  const changed: Record<string, unknown> = { ...manifest };
  for (const field of INSTALLED) {
    const versions = manifest[field];
    if (!isRecord(versions)) continue;
    changed[field] = Object.fromEntries(
      Object.entries(versions).map(([name, version]) => [name, replace(name, String(version)) ?? version]),
    );
  }
  return changed;
}

const withoutScripts = ({ scripts }: Manifest, removed: RegExp): Manifest =>
  Object.fromEntries(Object.entries(isRecord(scripts) ? scripts : {}).filter(([name]) => !removed.test(name)));

/** Returns the folder of a package of the workspace, whatever its version: it is the code that the team runs. */
function siblingOf(
  name: string,
  version: string,
  folder: string,
  workspace: Workspace | undefined,
): string | undefined {
  const [, wanted] = /^workspace:(.*)$/.exec(version) ?? [];
  // A URL, a path or an alias is not a version.
  if (wanted === undefined) return /[:/]/.test(version) ? undefined : otherThan(folder, workspace?.packages.get(name));
  if (/^\.{1,2}\//.test(wanted)) return resolve(folder, wanted);
  // The package may have another name.
  const [, alias = name] = /^((?:@[^/]+\/)?[^@]+)@./.exec(wanted) ?? [];
  const sibling = otherThan(folder, workspace?.packages.get(alias));
  if (sibling !== undefined) return sibling;
  throw new FaasError(
    "MANIFEST_INVALID",
    `${folder}/package.json: the dependency "${name}" is "${version}", but ${workspace ? `the workspace ${workspace.root} has no package "${alias}"` : "the folder belongs to no workspace"}`,
  );
}

const otherThan = (folder: string, other: string | undefined) => (other === folder ? undefined : other);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
