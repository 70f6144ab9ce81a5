import assert from "node:assert/strict";
import { test } from "node:test";
import type { FoundBinary } from "../binary/fit.ts";
import type { InstalledModule, ModuleManifest } from "./modules.ts";
import { optionalSet } from "./optional.ts";
import { type JudgeOptions, judgeModule } from "./scripts.ts";

const platform = { os: "linux", arch: "arm64", libc: "glibc" } as const;
const addon = (arch: "amd64" | "arm64", libc: "glibc" | "musl" = "glibc"): FoundBinary => ({
  format: "elf",
  arch,
  libc,
  path: "a.node",
});

function module(manifest: ModuleManifest, rest: Partial<InstalledModule> = {}): InstalledModule {
  const { name = "a" } = manifest as { name?: string };
  return { path: `node_modules/${name}`, name, version: "1.0.0", manifest, binaries: [], hasGyp: false, ...rest };
}

const judge = (installed: InstalledModule, options: Partial<JudgeOptions> = {}) =>
  judgeModule(installed, { platform, ignoreScripts: false, isRepository: false, optional: [], ...options });

const compiled = { scripts: { install: "prebuild-install || node-gyp rebuild" } };

test("a package with binaries for several platforms is complete if one fits", () => {
  assert.equal(judge(module({}, { binaries: [addon("amd64"), addon("arm64")] })).kind, "complete");
  assert.equal(judge(module(compiled, { binaries: [addon("amd64"), addon("arm64")] })).kind, "skipped");
});

test("a package with binaries for other platforms only is unusable, and the reason names them", () => {
  const judgement = judge(module({}, { binaries: [addon("amd64"), addon("arm64", "musl")] }));
  assert.deepEqual(judgement, { kind: "unusable", reason: "has binaries for amd64 (glibc), arm64 (musl) only" });
});

test("programs for other systems alone do not make a package unusable, but addons do", () => {
  const program: FoundBinary = { format: "pe", path: "vendor/notify.exe" };
  assert.equal(judge(module({}, { binaries: [program] })).kind, "complete");
  assert.equal(judge(module({}, { binaries: [{ format: "mach-o", path: "build/a.node" }] })).kind, "unusable");
});

test("a package that would be compiled is known by its script or its binding.gyp", () => {
  assert.equal(judge(module(compiled)).kind, "source");
  assert.equal(judge(module({ scripts: { install: "node build.js" } }, { hasGyp: true })).kind, "source");
  assert.deepEqual(judge(module({}, { hasGyp: true })), {
    kind: "source",
    reason: "has no binary for the platform and would be compiled (install: node-gyp rebuild)",
  });
  assert.equal(judge(module({ gypfile: false }, { hasGyp: true })).kind, "complete");
});

test("the binary of an installed optional dependency replaces the script of a launcher", () => {
  const launcher = module({ scripts: { postinstall: "node install.js" } });
  assert.equal(judge(launcher, { optional: [module({ name: "b" }, { binaries: [addon("arm64")] })] }).kind, "skipped");
  assert.equal(judge(launcher, { optional: [module({ name: "b" }, { binaries: [addon("amd64")] })] }).kind, "script");
});

test("a script that might create files needs a container, unless no container would run it either", () => {
  const downloads = module({ scripts: { postinstall: "node download.js" } });
  assert.equal(judge(downloads).kind, "script");
  assert.equal(judge(downloads, { ignoreScripts: true }).kind, "complete");
});

for (const script of [
  "echo thanks",
  "npx only-allow pnpm",
  "opencollective-postinstall || true",
  "node x.js || exit 0",
])
  test(`the script "${script}" is not needed`, () => {
    assert.equal(judge(module({ scripts: { postinstall: script } })).kind, "skipped");
  });

test("a package from a repository also needs the scripts that a registry's package had run", () => {
  const source = module({ scripts: { prepare: "tsc" } });
  assert.equal(judge(source).kind, "complete");
  assert.equal(judge(source, { isRepository: true }).kind, "script");
});

test("an optional package is removed with those that need it and those that only it needs", () => {
  const tree = (root: ModuleManifest) => {
    const all = [
      module({ name: "client", dependencies: { shared: "1" }, optionalDependencies: { speed: "1" } }),
      module({ name: "speed", dependencies: { addon: "1" } }),
      module({ name: "addon", dependencies: { helper: "1", shared: "1" } }),
      module({ name: "helper" }),
      module({ name: "shared" }),
    ];
    return { modules: new Map(all.map((each) => [each.path, each])), root };
  };
  const removed = optionalSet(tree({ dependencies: { client: "1" } }), "node_modules/addon");
  assert.deepEqual([...(removed ?? [])].sort(), ["node_modules/addon", "node_modules/helper", "node_modules/speed"]);
  assert.equal(optionalSet(tree({ dependencies: { client: "1", speed: "1" } }), "node_modules/addon"), undefined);
});
