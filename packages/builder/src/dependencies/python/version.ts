/** Order of the parts after a release: a development version, pre-releases, the release itself, and later corrections. */
const STAGES = ["dev", "a", "b", "rc", "", "post"];
const PATTERN = /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)[-_.]?(?:(a|b|c|rc|alpha|beta|pre|preview|post|rev|r|dev)[-_.]?(\d*))?/i;
const ALIASES: Readonly<Record<string, string>> = {
  alpha: "a",
  beta: "b",
  c: "rc",
  pre: "rc",
  preview: "rc",
  rev: "post",
  r: "post",
};

/** Compares two versions in the format of PEP 440: negative if the first is lower. Ignores what follows a pre-release's number. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  for (let i = 0; i < Math.max(left.release.length, right.release.length); i++) {
    const difference = (left.release[i] ?? 0) - (right.release[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.stage - right.stage || left.number - right.number;
}

function parse(version: string): { release: number[]; stage: number; number: number } {
  const [, epoch = "0", release = "0", stage = "", number = "0"] = PATTERN.exec(version.trim()) ?? [];
  const name = stage.toLowerCase();
  return {
    release: [Number(epoch), ...release.split(".").map(Number)],
    stage: STAGES.indexOf(ALIASES[name] ?? name),
    number: Number(number),
  };
}

/** Checks a version against versions in the format of PEP 440, such as `>=1,<2`. */
export function matchesVersions(version: string, versions: string): boolean {
  return versions.split(",").every((clause) => {
    const [, operator = "", wanted = ""] = /^\s*(===|==|!=|~=|<=|>=|<|>)?\s*(\S*)\s*$/.exec(clause) ?? [];
    return wanted === "" || wanted === "*" || matchesClause(version, operator || "==", wanted);
  });
}

function matchesClause(version: string, operator: string, wanted: string): boolean {
  if (wanted.endsWith(".*")) {
    const isWithin = `${withoutSuffix(version)}.`.startsWith(wanted.slice(0, -1));
    return operator === "!=" ? !isWithin : isWithin;
  }
  const order = compareVersions(version, wanted);
  if (operator === "~=") return order >= 0 && `${version}.`.startsWith(`${wanted.split(".").slice(0, -1).join(".")}.`);
  const results: Readonly<Record<string, boolean>> = {
    "<": order < 0,
    "<=": order <= 0,
    ">": order > 0,
    ">=": order >= 0,
    "!=": order !== 0,
  };
  return results[operator] ?? order === 0;
}

const withoutSuffix = (version: string) => /^\d+(?:\.\d+)*/.exec(version)?.[0] ?? version;
