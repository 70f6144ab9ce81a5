/**
 * `node test/run.mjs [--unit | --restarts] [--watch] [--coverage] [PATTERN…]`: runs the test files whose path contains every pattern, of which one may list
 * alternatives (`apps|tutorials`). Without a pattern, all that have no command of their own; `--restarts` runs those that restart servers. Files that take long start first, so that the last one to end does not run alone. Without a
 * pattern, one process runs several files of a folder: loading what they test takes longer than most of them.
 */
import { execFileSync } from "node:child_process";
import { globSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";

const root = join(import.meta.dirname, "..");
const { values, positionals: patterns } = parseArgs({
  allowPositionals: true,
  options: {
    unit: { type: "boolean", default: false },
    restarts: { type: "boolean", default: false },
    watch: { type: "boolean", default: false },
    coverage: { type: "boolean", default: false },
  },
});

const UNIT = ["packages/**/*.test.ts", "test/repository/*.test.ts", "test/faults/slope.test.ts"];
const ALL = ["packages/**/*.test.ts", "test/**/*.test.ts"];
/** Tests that start, end and replace whole servers many times. `npm test` leaves them out, `--restarts` runs them alone. */
const RESTARTS = [
  "test/end-to-end/canary.test.ts",
  "test/end-to-end/gateways.test.ts",
  "test/end-to-end/takeover.test.ts",
  "test/faults/short.test.ts",
  "packages/server/src/state/data-dir-lock.integration.test.ts",
];
/** Folders and files with a command of their own, which CI runs. Those of `npm run test:apps` and `test:mcp` install packages with npm and pip. */
const ELSEWHERE = [
  "test/browser/",
  "test/cluster/",
  "test/release/",
  "test/traces/",
  "test/apps/",
  "test/platform/",
  "test/wrappers/",
  "test/nats/",
  "test/mcp/",
  "packages/server/src/queue/nats/nats-",
  "packages/server/src/triggers/sources/nats-",
  "packages/builder/src/dependencies/dependencies.integration.test.ts",
  "packages/builder/src/dependencies/workspace.integration.test.ts",
  "packages/builder/src/dependencies/python/install.integration.test.ts",
];
/** Longest groups of files first; a file that matches none comes last. */
const SLOW = [
  "packages/cli/src/commands/dev.integration",
  "test/end-to-end/end-to-end",
  "test/end-to-end/",
  "test/everyday/",
  "test/wrappers/python.",
  "test/wrappers/",
  ".integration.test.ts",
  "packages/server/src/autoscaler/",
  "packages/server/",
];

/** Time after which a file is taken to hang. */
const HANGS_MS = 600_000;

const rank = (file) => {
  const index = SLOW.findIndex((group) => file.includes(group));
  return index < 0 ? SLOW.length : index;
};

/** Selects the files, in the order in which they start. */
function selectFiles() {
  return globSync(values.unit ? UNIT : ALL, { cwd: root, exclude: ["**/node_modules", "**/dist"] })
    .filter((file) => !values.unit || !file.endsWith(".integration.test.ts"))
    .filter((file) => patterns.every((pattern) => pattern.split("|").some((part) => file.includes(part))))
    .filter((file) => patterns.length > 0 || !ELSEWHERE.some((folder) => file.startsWith(folder)))
    .filter((file) => patterns.length > 0 || RESTARTS.includes(file) === values.restarts)
    .sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
}

const GROUPS = join(root, "node_modules/.cache/faas-test-groups");
/** Files that share a process, and how many of them do. The first pattern that matches a file counts. */
const SHARED = [
  { pattern: /^packages\/(cli|server)\/.*\.integration\.test\.ts$/, size: 6 },
  { pattern: /^packages\/(builder)\/.*\.integration\.test\.ts$/, size: 6 },
  { pattern: /^packages\/(\w+)\/(?!.*\.integration\.test\.ts$)/, size: 20 },
  { pattern: /^test\/(repository)\/(?!.*\.integration\.test\.ts$)/, size: 12 },
];
/** Files that change their process: its environment or its limits. */
const ALONE = ["packages/cli/src/commands/dev.integration", "packages/server/src/state/full-disk.integration"];

/** Returns the name of the groups to which a file belongs, and their size; undefined for a file with a process of its own. */
function groupOf(file) {
  if (ALONE.some((start) => file.startsWith(start))) return undefined;
  const index = SHARED.findIndex(({ pattern }) => pattern.test(file));
  if (index < 0) return undefined;
  const { pattern, size } = SHARED[index];
  return { name: `${pattern.exec(file)[1]}-${index + 1}`, size };
}

/** Replaces files that share a process by files that import several of them, which start first. */
function groupFiles(files) {
  rmSync(GROUPS, { recursive: true, force: true });
  mkdirSync(GROUPS, { recursive: true });
  const shared = Map.groupBy(files, (file) => groupOf(file)?.name);
  const alone = shared.get(undefined) ?? [];
  shared.delete(undefined);
  const groups = [...shared].flatMap(([name, members]) => {
    const { size } = groupOf(members[0]);
    return Array.from({ length: Math.ceil(members.length / size) }, (_, index) => {
      const group = join(GROUPS, `${name}-${index + 1}.test.mjs`);
      const imports = members.slice(index * size, (index + 1) * size);
      writeFileSync(group, imports.map((file) => `import ${JSON.stringify(join(root, file))};\n`).join(""));
      return group;
    });
  });
  return [...groups, ...alone.map((file) => join(root, file))];
}

/**
 * Names the interpreter of Python to tests and to the functions that they start. A version manager installs a script as `python3`, which takes longer
 * than the interpreter, and tests start it hundreds of times.
 */
function findPython() {
  try {
    return execFileSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).trim();
  } catch {
    return "python3";
  }
}

const selected = selectFiles();
const files =
  patterns.length > 0 || values.watch || values.coverage
    ? selected.map((file) => join(root, file))
    : groupFiles(selected);
if (files.length === 0) {
  console.error(`No test file's path contains ${patterns.map((pattern) => `"${pattern}"`).join(" and ")}`);
  process.exitCode = 1;
} else {
  if (!values.unit) process.env.FAAS_PYTHON ??= findPython();
  run({
    files,
    cwd: root,
    // Tests wait for timers, sockets and processes now and then, so four of them keep two cores busy.
    concurrency: 4,
    // A file that waits for something that never happens fails, and is named.
    timeout: HANGS_MS,
    watch: values.watch,
    coverage: values.coverage,
    coverageExcludeGlobs: ["**/*.test.ts", "**/testing/**"],
    // Code from the cache has no counters for its functions, so coverage goes without.
    execArgv: [
      "--conditions=faas-source",
      ...(values.coverage ? [] : ["--import", join(root, "test/compile-cache.mjs")]),
    ],
  })
    .on("test:fail", () => {
      process.exitCode = 1;
    })
    .compose(spec)
    .pipe(process.stdout);
}
