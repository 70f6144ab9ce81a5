import {
  type RevisionDetails,
  type RevisionFile,
  type RevisionFiles,
  type SettingChange,
  type Settings,
  settingChanges,
} from "@faas/core";

/** File that two revisions have with different contents. */
export interface ChangedFile {
  readonly path: string;
  readonly from: RevisionFile;
  readonly to: RevisionFile;
}

/** Differences between the files of two revisions. */
export interface FileChanges {
  readonly added: readonly RevisionFile[];
  readonly removed: readonly RevisionFile[];
  readonly changed: readonly ChangedFile[];
}

/** Differences between the images of two revisions. */
export interface ImageChange {
  readonly from: string;
  readonly to: string;
  /** Layers that only one of them has, by their digests. Absent: the registry could not be asked. */
  readonly layers?: { readonly removed: readonly string[]; readonly added: readonly string[]; readonly same: number };
}

/** Lists the settings that differ. */
export const changedSettings = (from: RevisionDetails, to: RevisionDetails): SettingChange[] =>
  settingChanges(from.settings as Settings, to.settings as Settings);

/** Returns the names of secrets that both revisions use with different values. */
export function changedSecrets(
  { secrets: from = {} }: RevisionDetails,
  { secrets: to = {} }: RevisionDetails,
): string[] {
  return Object.keys(to).filter((name) => from[name] !== undefined && from[name] !== to[name]);
}

/** Compares the files of two bundles; undefined when the server lacks those of one. */
export function changedFiles({ files: from }: RevisionFiles, { files: to }: RevisionFiles): FileChanges | undefined {
  if (!from || !to) return undefined;
  const [before, after] = [byPath(from), byPath(to)];
  return {
    added: to.filter(({ path }) => !before.has(path)),
    removed: from.filter(({ path }) => !after.has(path)),
    changed: to.flatMap((file) => {
      const old = before.get(file.path);
      return old === undefined || old.digest === file.digest ? [] : [{ path: file.path, from: old, to: file }];
    }),
  };
}

const byPath = (files: readonly RevisionFile[]) => new Map(files.map((file) => [file.path, file]));

/** Compares the layers of two images; undefined for the layers of an image that the registry did not tell. */
export function changedImage(
  [from, fromLayers]: readonly [string, readonly string[] | undefined],
  [to, toLayers]: readonly [string, readonly string[] | undefined],
): ImageChange {
  if (!fromLayers || !toLayers) return { from, to };
  const added = toLayers.filter((digest) => !fromLayers.includes(digest));
  const removed = fromLayers.filter((digest) => !toLayers.includes(digest));
  return { from, to, layers: { removed, added, same: toLayers.length - added.length } };
}
