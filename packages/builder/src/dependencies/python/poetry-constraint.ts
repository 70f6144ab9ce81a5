/**
 * Converts Poetry's versions to alternatives in the format of PEP 440; an empty one allows any version. `^1.2` becomes `>=1.2,<2`, and `~1.2`
 * becomes `>=1.2,<1.3`.
 */
export function fromPoetryVersions(constraint: string): string[] {
  return constraint
    .split(/\s*\|\|?\s*/)
    .map((alternative) => clausesOf(alternative).map(convertClause).filter(isPresent).join(","));
}

const isPresent = (text: string) => text !== "";

/** Splits at commas and at spaces, which Poetry allows too. */
const clausesOf = (text: string): string[] =>
  text
    .replaceAll(/(\^|~=?|[<>=!]=?=?)\s+/g, "$1")
    .split(/[\s,]+/)
    .filter(isPresent);

function convertClause(clause: string): string {
  const [, operator = "", version = ""] = /^(\^|~=|~|===?|=|!=|<=|>=|<|>)?(.*)$/.exec(clause) ?? [];
  if (version === "*" || version === "") return "";
  if (operator === "^") return range(version, caretEnd(version));
  if (operator === "~") return range(version, tildeEnd(version));
  if (operator === "" || operator === "=") return `==${version.replace(/^v/, "")}`;
  return operator + version;
}

const range = (from: string, end: string) => `>=${from},<${end}`;

const releaseOf = (version: string): number[] =>
  (/^v?(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? "0").split(".").map(Number);

/** Increments the first number that is not zero, or else the last one. */
function caretEnd(version: string): string {
  const release = releaseOf(version);
  const first = release.findIndex((each) => each > 0);
  return incremented(release, first < 0 ? release.length - 1 : first);
}

/** Increments the minor version, or the major one if there is no other. */
function tildeEnd(version: string): string {
  const release = releaseOf(version);
  return incremented(release, Math.min(1, release.length - 1));
}

const incremented = (release: readonly number[], index: number) =>
  [...release.slice(0, index), (release[index] ?? 0) + 1].join(".");

/** Converts Poetry's constraint on Python to a marker; undefined if any version will do. */
export function pythonMarker(constraint: string): string | undefined {
  const alternatives = fromPoetryVersions(constraint);
  if (alternatives.includes("")) return undefined;
  const texts = alternatives.map((each) => each.split(",").map(pythonClause).join(" and "));
  return texts.map((text, _, all) => (all.length > 1 && text.includes(" and ") ? `(${text})` : text)).join(" or ");
}

function pythonClause(clause: string): string {
  const [, operator = "==", version = ""] = /^(===?|!=|<=|>=|<|>|~=)(.*)$/.exec(clause) ?? [];
  const parts = version.replace(/\.\*$/, "").split(".").length;
  // `python_version` has two numbers.
  const variable = parts > 2 ? "python_full_version" : "python_version";
  return parts === 1 && !version.endsWith(".*") && operator === "=="
    ? `python_version == "${version}.*"`
    : `${variable} ${operator} "${version}"`;
}
