import { FaasError } from "@faas/core";
import { type GitSource, gitUrl, withMarker } from "../requirement.ts";

/** Package that a lock file pins. */
export interface LockedPackage {
  readonly name: string;
  /** Version in an index; absent for a package from elsewhere. */
  readonly version?: string | undefined;
  readonly git?: GitSource | undefined;
  /** Address of an archive. */
  readonly url?: string | undefined;
  /** Absolute path of a folder or an archive. */
  readonly path?: string | undefined;
  /** Condition in the format of PEP 508. */
  readonly marker?: string | undefined;
  /** Digests of its files, such as `sha256:…`. */
  readonly hashes: readonly string[];
}

/** Packages of a lock file that a function needs. */
export interface Lock {
  readonly packages: readonly LockedPackage[];
  /** Addresses of indexes and paths of folders with archives, other than the public index. */
  readonly indexes: readonly string[];
}

/** Lines of two requirements files. pip checks the digests of either all packages in a run or none. */
export interface LockedLines {
  readonly hashed: readonly string[];
  /** Folders, repositories, and packages whose digest the lock file does not have. */
  readonly unhashed: readonly string[];
}

/** Formats the packages of a lock file for pip. */
export function lockedLines({ packages, indexes }: Lock): LockedLines {
  const options = [...new Set(indexes)].filter((each) => !isPublicIndex(each)).map(indexOption);
  const lines = (isHashed: boolean) => {
    const chosen = packages.filter((each) => canCheck(each) === isHashed).map(lineOf);
    return chosen.length === 0 ? [] : [...options, ...new Set(chosen)];
  };
  return { hashed: lines(true), unhashed: lines(false) };
}

const canCheck = ({ hashes, git }: LockedPackage) => hashes.length > 0 && git === undefined;

function lineOf(each: LockedPackage): string {
  const { name, version, git, url, path, marker } = each;
  const location = git ? gitUrl(git) : url;
  const base = path ?? (location === undefined ? `${name}${version ? `==${version}` : ""}` : `${name} @ ${location}`);
  const hashes = canCheck(each) ? each.hashes.map((hash) => ` --hash=${hash}`).join("") : "";
  return withMarker(base, marker) + hashes;
}

const isPublicIndex = (url: string) => /^https:\/\/pypi\.(?:org|python\.org)\/(?:simple|pypi)\/?$/.test(url);

/** The public index stays the configured one, which may be a mirror. */
const indexOption = (index: string) => (index.includes("://") ? `--extra-index-url ${index}` : `--find-links ${index}`);

/** Commands that write a requirements.txt, by tool. */
const EXPORTS = {
  poetry: "poetry export -o requirements.txt",
  pdm: "pdm export --prod -o requirements.txt",
  uv: "uv export --no-dev --no-emit-project -o requirements.txt",
  pipenv: "pipenv requirements --hash > requirements.txt",
} as const;

export type Tool = keyof typeof EXPORTS;

/** Creates the error for a project that only its own tool can read. */
export const needsExport = (path: string, reason: string, tool: Tool): FaasError =>
  new FaasError("MANIFEST_INVALID", `${path}: ${reason}. Run "${EXPORTS[tool]}", and again after each change`);

/** Creates the error for a lock file that does not match its manifest. */
export const outdated = (path: string, manifest: string, tool: Tool): FaasError =>
  new FaasError("MANIFEST_INVALID", `${path} is out of date: ${manifest} has changed since. Run "${tool} lock"`);
