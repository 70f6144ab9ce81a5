import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { allManifests } from "./all-manifests.ts";

/**
 * `npm run kube-score`: runs kube-score over the objects of an installation and of an endpoint. Fails for a finding without an answer in the table of
 * docs/hardening.md, and for an answer without a finding. Installs kube-score with Go, unless it is there.
 */

const VERSION = "v1.20.0";
const root = join(import.meta.dirname, "../..");
/** Grade of a check that passed. */
const PASSED = 10;
/** Checks that are off by default. */
const OPTIONAL = ["container-ports-check", "container-seccomp-profile"];

interface ScoredObject {
  readonly type_meta: { readonly kind: string };
  readonly object_meta: { readonly name: string };
  readonly checks: readonly {
    readonly check: { readonly id: string };
    readonly grade: number;
    readonly skipped: boolean;
  }[];
}

/** Returns the path of kube-score. */
function installed(): string {
  if (spawnSync("kube-score", ["version"]).status === 0) return "kube-score";
  const folder = join(root, "node_modules/.cache/kube-score");
  const program = join(folder, "kube-score");
  if (!existsSync(program))
    execFileSync("go", ["install", `github.com/zegl/kube-score/cmd/kube-score@${VERSION}`], {
      env: { ...process.env, GOBIN: folder, PATH: `${process.env.PATH}:/usr/local/go/bin` },
      stdio: ["ignore", "ignore", "inherit"],
    });
  return program;
}

/** Returns the findings as "check kind/name". */
function findings(): Set<string> {
  const options = OPTIONAL.flatMap((check) => ["--enable-optional-test", check]);
  const { stdout, stderr } = spawnSync(installed(), ["score", "--output-format", "json", ...options, "-"], {
    input: allManifests(),
    encoding: "utf8",
  });
  if (stdout === "") throw new Error(`kube-score printed no report: ${stderr}`);
  const failed = (JSON.parse(stdout) as ScoredObject[]).flatMap(
    ({ type_meta: { kind }, object_meta: { name }, checks }) =>
      checks
        .filter(({ grade, skipped }) => !skipped && grade < PASSED)
        .map(({ check }) => `${check.id} ${kind}/${name}`),
  );
  return new Set(failed);
}

/** Returns the findings that the table answers: rows of a check, and objects separated by commas. */
function answered(): Set<string> {
  const page = readFileSync(join(root, "docs/hardening.md"), "utf8");
  const rows = page.matchAll(/^\| kube-score `([a-z-]+)` \| ([^|]+) \|/gm);
  return new Set(
    [...rows].flatMap(([, check, objects = ""]) =>
      [...objects.matchAll(/`([^`]+)`/g)].map(([, object]) => `${check} ${object}`),
    ),
  );
}

const [found, known] = [findings(), answered()];
const unanswered = [...found].filter((finding) => !known.has(finding));
const outdated = [...known].filter((finding) => !found.has(finding));
for (const finding of unanswered) console.error(`Without an answer in docs/hardening.md: ${finding}`);
for (const finding of outdated) console.error(`Answered in docs/hardening.md, but no longer found: ${finding}`);
console.log(`${found.size} findings, ${unanswered.length} without an answer, ${outdated.length} outdated answers`);
process.exitCode = unanswered.length + outdated.length > 0 ? 1 : 0;
