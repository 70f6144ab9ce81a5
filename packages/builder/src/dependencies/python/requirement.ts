/** Requirement in the format of PEP 508, as in `[project] dependencies`. */
export interface Requirement {
  /** Normalized name. */
  readonly name: string;
  readonly extras: readonly string[];
  /** Versions, such as `>=1,<2`; empty for any. */
  readonly versions: string;
  readonly url?: string;
  readonly marker?: string;
}

const PATTERN = /^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?\s*(?:@\s*(\S+)|\(([^)]*)\)|([^;@]*))\s*(?:;\s*(.*))?$/;

/** Parses a requirement; undefined if it is not one. */
export function parseRequirement(text: string): Requirement | undefined {
  const [, name, extras = "", url, inParentheses, bare, marker] = PATTERN.exec(text) ?? [];
  if (name === undefined) return undefined;
  return {
    name: normalizeName(name),
    extras: extras
      .split(",")
      .map((each) => each.trim())
      .filter((each) => each !== ""),
    versions: (inParentheses ?? bare ?? "").trim(),
    ...(url === undefined ? {} : { url }),
    ...(marker === undefined ? {} : { marker: marker.trim() }),
  };
}

/** Returns a package's name as package indexes compare it (PEP 503). */
export const normalizeName = (name: string): string => name.toLowerCase().replaceAll(/[-_.]+/g, "-");

/** Formats a requirement for a requirements file. */
export function formatRequirement({ name, extras, versions, url, marker }: Requirement): string {
  const base = `${name}${extras.length > 0 ? `[${extras.join(",")}]` : ""}${url === undefined ? versions : ` @ ${url}`}`;
  return withMarker(base, marker);
}

/** Adds a marker to a line of a requirements file. */
export const withMarker = (line: string, marker: string | undefined): string =>
  marker === undefined || marker === "" ? line : `${line} ; ${marker}`;

/** Repository in the format of pip. */
export interface GitSource {
  readonly url: string;
  readonly revision?: string | undefined;
  readonly subdirectory?: string | undefined;
}

/** Formats the address of a repository for pip. */
export function gitUrl({ url, revision, subdirectory }: GitSource): string {
  // The short form of SSH addresses, which pip does not accept.
  const full = url.replace(/^git\+/, "").replace(/^([\w.-]+@[\w.-]+):(?!\/\/)/, "ssh://$1/");
  return `git+${full}${revision === undefined ? "" : `@${revision}`}${subdirectory === undefined ? "" : `#subdirectory=${subdirectory}`}`;
}
