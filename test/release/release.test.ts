import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { runProgram, tempDir } from "@faas/testing";
import { InstalledProgram } from "./installed-program.ts";

/** `FAAS_TEST_RELEASE=all` makes a release for all machines and tries it on all supported versions of Node, which needs a registry. */
const all = process.env.FAAS_TEST_RELEASE === "all";
const NODES = ["22.19.0", "24", "26"];

const repository = join(import.meta.dirname, "../..");
const folder = tempDir("release");
const { version } = JSON.parse(await readFile(join(repository, "packages/cli/package.json"), "utf8"));
const tarball = `faas-${version}.tgz`;
const sbom = `faas-${version}.cdx.json`;
const image = `faas-server-${version}.oci.tar`;

/** Runs a program of the repository or the system; returns its output. */
async function run(program: string, args: readonly string[], cwd = repository): Promise<string> {
  const { code, output } = await runProgram(program, args, { cwd, env: { ...process.env, NODE_OPTIONS: "" } });
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${output}`);
  return output;
}

before(async () => {
  const flags = all ? [] : ["--local", "--no-image"];
  const script = "packages/cli/release/release.ts";
  await run(process.execPath, ["--conditions=faas-source", script, "--out", folder, ...flags]);
});

test("the checksums are those of the other files", async () => {
  const lines = (await readFile(join(folder, "SHA256SUMS"), "utf8")).trimEnd().split("\n");
  const named = lines.map((line) => line.split("  ")[1] as string);
  assert.deepEqual([...named, "SHA256SUMS"].sort(), (await readdir(folder)).sort());
  for (const line of lines) {
    const [sum, name = ""] = line.split("  ");
    assert.equal(
      createHash("sha256")
        .update(await readFile(join(folder, name)))
        .digest("hex"),
      sum,
      name,
    );
  }
});

test("the package has no dependencies", async () => {
  const manifest = JSON.parse(await run("tar", ["-xzOf", join(folder, tarball), "package/package.json"]));
  assert.equal(manifest.version, version);
  assert.deepEqual(
    Object.keys(manifest).filter((key) => /dependencies/i.test(key)),
    [],
  );
});

test("the package has the web page", async () => {
  const files = (await run("tar", ["-tzf", join(folder, tarball)])).split("\n");
  assert.ok(files.includes("package/packages/ui/dist/index.html"));
});

test("the bill of materials lists bundled and native packages with licenses and hashes", async () => {
  const { bomFormat, components } = JSON.parse(await readFile(join(folder, sbom), "utf8"));
  assert.equal(bomFormat, "CycloneDX");
  for (const name of [
    "undici",
    "zod",
    "koa",
    "commander",
    "preact",
    "uplot",
    "esbuild",
    `@esbuild/${process.platform}-${process.arch}`,
  ]) {
    const found = components.find((each: { name: string }) => each.name === name);
    assert.ok(found?.licenses.length > 0 && found.hashes.length > 0, name);
  }
  const names = components.map(({ name }: { name: string }) => name);
  assert.deepEqual(
    names.filter((name: string) => ["@biomejs/biome", "fast-check", "tsx", "turbo"].includes(name)),
    [],
  );
});

test("the package has the licenses of the packages in it", async () => {
  const notices = await run("tar", ["-xzOf", join(folder, tarball), "package/THIRD-PARTY-NOTICES.txt"]);
  const { components } = JSON.parse(await readFile(join(folder, sbom), "utf8"));
  for (const { name, version } of components)
    if (name !== "typescript-api") assert.ok(notices.includes(`\n${name}@${version} (`), name);
});

for (const version of all ? NODES : [process.versions.node])
  describe(`the package, installed without this repository on Node ${version}`, () => {
    let faas: InstalledProgram;
    before(async () => {
      faas = new InstalledProgram(await nodeOf(version));
      await faas.install(join(folder, tarball));
      await faas.up();
    });
    after(() => faas?.[Symbol.asyncDispose]());

    test("deploys and invokes a new TypeScript function, and stops the server", async () => {
      await faas.faas(["init", "hello", "--runtime", "typescript", "--org", "acme"]);
      await faas.faas(["deploy", "hello"]);
      assert.match(await faas.faas(["invoke", "acme/hello"]), /hello/i);
      if (all) await tryAllParts(faas);
      await faas.down();
      await assert.rejects(faas.faas(["list"]), /SERVER_UNREACHABLE/);
    });
  });

/** Returns the path of a Node, installed if it is not this one. */
async function nodeOf(version: string): Promise<string> {
  if (version === process.versions.node) return process.execPath;
  const prefix = tempDir(`node-${version}`);
  await writeFile(join(prefix, "package.json"), "{}");
  await run("npm", ["install", "--no-audit", "--no-fund", "--loglevel", "error", `node@${version}`], prefix);
  return join(prefix, "node_modules/node/bin/node");
}

/** Uses what is not part of the bundle: TypeScript, esbuild, the server of static sites, Python's wrapper, charts and Docker's protocols. */
async function tryAllParts(faas: InstalledProgram): Promise<void> {
  const source = async (name: string, files: Readonly<Record<string, string>>) => {
    await mkdir(join(faas.folder, name));
    for (const [file, text] of Object.entries(files)) await writeFile(join(faas.folder, name, file), text);
    await faas.faas(["deploy", name, "--org", "acme", "--endpoint", name]);
    return faas.faas(["invoke", `acme/${name}/`]);
  };
  const decorated = `
const calls: string[] = [];
const logged = (_: object, name: string) => void calls.push(name);
class Greeter { @logged greet(who: string): string { return "hello " + who + calls.length; } }
export const handler = () => new Greeter().greet("you");
`;
  const tsconfig = '{ "compilerOptions": { "experimentalDecorators": true, "emitDecoratorMetadata": true } }';
  assert.match(await source("decorated", { "index.ts": decorated, "tsconfig.json": tsconfig }), /hello you1/);
  assert.match(await source("site", { "index.html": "<h1>a site</h1>" }), /a site/);
  const main = 'def handler(event, context):\n    return "from python"\n';
  assert.match(await source("snake", { "main.py": main }), /from python/);
  const load = ["--threads", "2", "--iterations", "5", "--report", "report"];
  await faas.faas(["bench", "acme/hello", ...load]);
  assert.ok((await readdir(join(faas.folder, "report"))).some((name) => name.endsWith(".png")));
  assert.match(await faas.faas(["doctor"]), /^ok +server/m);
}

test("the image of the server is an OCI image layout", { skip: !all }, async (t) => {
  if (!(await readdir(folder)).includes(image)) return t.skip("no Docker engine");
  const read = async (path: string) => JSON.parse(await run("tar", ["-xOf", join(folder, image), path]));
  const blob = ({ digest }: { digest: string }) => read(`blobs/${digest.replace(":", "/")}`);
  assert.deepEqual(await read("oci-layout"), { imageLayoutVersion: "1.0.0" });
  const [described] = (await read("index.json")).manifests;
  const manifest = await blob(described);
  const { config } = await blob(manifest.config);
  assert.deepEqual(config.Entrypoint, ["node", "/app/packages/cli/bin/faas.js"]);
  const loaded = await run("docker", ["image", "load", "--input", join(folder, image)]);
  const name = /Loaded image: (\S+)/.exec(loaded)?.[1] as string;
  t.after(() => run("docker", ["image", "rm", name]));
  assert.equal((await run("docker", ["run", "--rm", name, "--version"])).trim(), version);
});
