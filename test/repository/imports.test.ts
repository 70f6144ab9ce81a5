import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { basename, join, relative } from "node:path";
import { test } from "node:test";

/** The direction of imports (docs/architecture.md), read from the sources. */

const root = join(import.meta.dirname, "../..");
const packages = ["core", "gateway", "platforms", "builder", "installer", "server", "bench", "cli"];
const allowed: Record<string, string[]> = {
  core: [],
  platforms: ["@faas/core"],
  builder: ["@faas/core"],
  bench: [],
  gateway: ["@faas/core"],
  installer: ["@faas/core", "@faas/platforms"],
  server: ["@faas/core", "@faas/gateway", "@faas/platforms"],
  cli: ["@faas/core", "@faas/builder", "@faas/bench", "@faas/server", "@faas/installer"],
};

interface Import {
  readonly file: string;
  readonly specifier: string;
  readonly kind: "static" | "dynamic" | "type";
}

function sources(folder: string, pattern = /\.(ts|js|mjs|py)$/): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name) && !/node_modules|dist/.test(entry.parentPath))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), "utf8");
  const found: Import[] = [];
  for (const [, type, specifier] of text.matchAll(
    /^(?:import|export)\s+(type\s)?(?:[^;"'()]*?\sfrom\s+)?"([^"]+)";/gm,
  )) {
    found.push({ file, specifier: specifier as string, kind: type ? "type" : "static" });
  }
  for (const [, specifier] of text.matchAll(/\bimport\(\s*"([^"]+)"/g))
    found.push({ file, specifier: specifier as string, kind: "dynamic" });
  return found;
}

const isTest = (file: string) => /\.test\.ts$|\/testing\//.test(file);
const all = Object.fromEntries(packages.map((name) => [name, sources(`packages/${name}/src`).flatMap(importsOf)]));
const of = (name: string) => all[name] as Import[];
const packageOf = (specifier: string) =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
const show = ({ file, specifier }: Import) => `${file} imports ${specifier}`;

test("packages import only the siblings that the architecture allows", () => {
  for (const name of packages) {
    const wrong = of(name).filter(
      ({ file, specifier }) =>
        specifier.startsWith("@faas/") && !isTest(file) && !allowed[name]?.includes(packageOf(specifier)),
    );
    assert.deepEqual(wrong.map(show), []);
  }
});

test("no package reaches into another by path", () => {
  for (const name of packages) {
    const wrong = of(name).filter(({ file, specifier }) => {
      if (!specifier.startsWith(".") || isTest(file)) return false;
      return !join(file, "..", specifier).startsWith(`packages/${name}/`);
    });
    assert.deepEqual(wrong.map(show), []);
  }
});

test("core does no I/O", () => {
  // Of these, functions of their arguments alone.
  const pure = ["node:crypto", "node:zlib", "zod"];
  const wrong = of("core").filter(
    ({ file, specifier }) => !isTest(file) && !specifier.startsWith(".") && !pure.includes(specifier),
  );
  assert.deepEqual(wrong.map(show), []);
});

test("the CLI loads the server lazily, for up, down, dev and key alone", () => {
  const wrong = of("cli").filter(({ file, specifier, kind }) => {
    if (packageOf(specifier) !== "@faas/server" || kind === "type" || isTest(file)) return false;
    return kind === "static" || !/(commands\/(up|down|key)|dev\/local-server)\.ts$/.test(file);
  });
  assert.deepEqual(wrong.map(show), []);
});

test("the CLI loads the cluster's client lazily, for what puts the server into a cluster alone", () => {
  const wrong = of("cli").filter(({ file, specifier, kind }) => {
    if (packageOf(specifier) !== "@faas/installer" || kind === "type" || isTest(file)) return false;
    const isAllowed =
      specifier === "@faas/installer" && /(commands\/uninstall|install\/[\w-]+|doctor\/cluster)\.ts$/.test(file);
    return kind === "static" || !isAllowed;
  });
  assert.deepEqual(wrong.map(show), []);
});

test("only the server's main names a platform", () => {
  const named = sources("packages/server/src").filter((file) =>
    /EmbeddedPlatform/.test(readFileSync(join(root, file), "utf8")),
  );
  assert.deepEqual(
    named.filter((file) => !isTest(file)),
    ["packages/server/src/server.ts"],
  );
});

test("templates import nothing of ours, and wrappers nothing but their language", () => {
  const wrong = sources("templates")
    .flatMap(importsOf)
    .filter(({ specifier }) => specifier.startsWith("@faas/"));
  assert.deepEqual(wrong.map(show), []);
  const foreign = importsOf("templates/node/.interface.mjs").filter(({ specifier }) => !specifier.startsWith("node:"));
  assert.deepEqual(foreign.map(show), []);
});

test("every package declares what it imports, and nothing else", () => {
  for (const name of packages) {
    const manifest = JSON.parse(readFileSync(join(root, `packages/${name}/package.json`), "utf8"));
    const names = of(name)
      .filter(({ file, specifier }) => !isTest(file) && !specifier.startsWith(".") && !specifier.startsWith("node:"))
      .map(({ specifier }) => packageOf(specifier))
      .filter((specifier) => !builtinModules.includes(specifier));
    assert.deepEqual([...new Set(names)].sort(), Object.keys(manifest.dependencies).sort(), name);
  }
});

test("files are named for what they do", () => {
  const vague = /^(utils?|helpers?|common|manager|misc)\b/i;
  const files = [...packages.map((name) => `packages/${name}/src`), "templates", "test"].flatMap((folder) =>
    sources(folder),
  );
  assert.deepEqual(
    files.filter((file) => vague.test(basename(file))),
    [],
  );
});
