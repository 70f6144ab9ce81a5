import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { lstat, mkdtemp, readdir, readFile, readlink } from "node:fs/promises";
import { join, relative } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { extract } from "tar-stream";
import { type DependencyContext, dependencyContext } from "../../../packages/builder/src/dependencies/context.ts";
import { installForTarget } from "../../../packages/builder/src/dependencies/target/install.ts";
import type { TargetPlatform } from "../../../packages/builder/src/dependencies/target/platform.ts";
import { resolveEnvironment } from "../../../packages/builder/src/image/engine/environment.ts";
import { TestDocker } from "./docker.ts";

/** Real packages, installed for a platform without Docker, and compared with what a container of that platform installs. */

const AMD64 = { os: "linux", arch: "amd64", libc: "glibc" } as const;

let docker: TestDocker;
let sources = 0;
before(async () => {
  docker = await TestDocker.create();
});
after(() => docker[Symbol.asyncDispose]());

interface Installation {
  readonly language: "node" | "python";
  readonly files: Readonly<Record<string, string>>;
  readonly platform: TargetPlatform;
  readonly version?: string;
}

async function install({ language, files, platform, version = "24.1.0" }: Installation) {
  const context = await dependencyContext(language, await docker.source(`source-${++sources}`, files));
  assert.ok(context);
  const folder = await mkdtemp(join(docker.folder, "installed-"));
  const lines: string[] = [];
  const options = { env: process.env, signal: undefined, onLine: (line: string) => lines.push(line) };
  await installForTarget(language, context, { platform, runtimeVersion: version }, folder, options);
  return { folder, lines, context };
}

type Contents = Record<string, string>;

/** Lists what the environment that a container installs has below `/app`. */
async function installInContainer(
  { language }: Installation,
  base: string,
  context: DependencyContext,
): Promise<Contents> {
  const info = await docker.docker.getImage(base).inspect();
  const options = { runtime: language, base: { name: base, id: info.Id, info }, dependencies: context };
  const environment = await resolveEnvironment(docker.docker, { ...options, env: process.env, signal: undefined });
  const container = await docker.docker.createContainer({ Image: environment.name, Labels: docker.labels });
  const found: Contents = {};
  const tar = Readable.from(await container.getArchive({ path: "/app" })).pipe(extract());
  for await (const entry of tar) {
    const { name, type, linkname, mode = 0 } = entry.header;
    const content = await buffer(entry);
    const path = name.replace(/^app\/|\/$/g, "");
    if (type !== "directory") found[path] = linkname ?? describe(mode, content);
  }
  return found;
}

/** Lists the files and links of a folder. */
async function contentsOf(folder: string): Promise<Contents> {
  const found: Contents = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path);
    if (entry.isSymbolicLink()) found[name] = await readlink(path);
    else if (entry.isFile()) found[name] = describe((await lstat(path)).mode, await readFile(path));
  }
  return found;
}

const describe = (mode: number, content: Buffer) =>
  `${(mode & 0o111) === 0 ? "file" : "program"} ${createHash("sha256").update(content).digest("hex")}`;

/** Returns the contents without what another patch version of Python compiles to other bytes. */
const withoutBytecode = (contents: Contents): Contents =>
  Object.fromEntries(Object.entries(contents).filter(([name]) => !name.endsWith(".pyc")));

const node = (dependencies: Readonly<Record<string, string>>) => ({
  "index.mjs": "",
  "package.json": JSON.stringify({ private: true, dependencies }),
});
const python = (...lines: readonly string[]) => ({ "main.py": "", "requirements.txt": `${lines.join("\n")}\n` });

const LOCAL_PACKAGE = {
  "local/pyproject.toml":
    '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n[project]\nname = "local"\nversion = "1.0"\n',
  "local/local.py": "",
};

test("Node packages are those of a container, byte for byte", async () => {
  const files = node({ sharp: "0.34.5", bcrypt: "6.0.0", "core-js": "3.40.0" });
  const installation = { language: "node", files, platform: AMD64 } as const;
  const { folder, lines, context } = await install(installation);
  assert.deepEqual(await contentsOf(folder), await installInContainer(installation, "node:24-slim", context));
  assert.match(lines.join("\n"), /^Skipped the scripts of bcrypt 6\.0\.0.*\nSkipped the scripts of core-js 3\.40\.0/);
});

test("Python packages are those of a container, byte for byte", async () => {
  const files = { ...python("numpy==2.2.6", "uvicorn==0.32.0", "./local"), ...LOCAL_PACKAGE };
  const installation = { language: "python", files, platform: AMD64, version: "3.11.2" } as const;
  const { folder, context } = await install(installation);
  const expected = await installInContainer(installation, "python:3.11-slim", context);
  assert.deepEqual(withoutBytecode(await contentsOf(folder)), withoutBytecode(expected));
});

for (const arch of ["amd64", "arm64"] as const)
  for (const libc of ["glibc", "musl"] as const)
    test(`installs sharp, better-sqlite3 and esbuild for ${arch} with ${libc}`, async () => {
      const files = node({ sharp: "0.34.5", "better-sqlite3": "13.2.0", esbuild: "0.28.2" });
      const { folder } = await install({ language: "node", files, platform: { os: "linux", arch, libc } });
      const cpu = arch === "amd64" ? "x64" : "arm64";
      const names = await readdir(join(folder, "node_modules/@img"));
      const system = libc === "musl" ? "linuxmusl" : "linux";
      assert.deepEqual(
        names.filter((name) => name.startsWith("sharp-")).sort(),
        [`sharp-${system}-${cpu}`, `sharp-libvips-${system}-${cpu}`].sort(),
      );
      assert.deepEqual(await readdir(join(folder, "node_modules/@esbuild")), [`linux-${cpu}`]);
    });

test("installs numpy and pydantic for another Python, CPU and C library", async () => {
  const platform = { os: "linux", arch: "arm64", libc: "musl" } as const;
  const files = python("numpy==2.2.6", "pydantic-core==2.33.2", 'colorama==0.4.6; platform_machine == "aarch64"');
  const { folder } = await install({ language: "python", files, platform, version: "3.13.1" });
  const names = await readdir(join(folder, ".packages"), { recursive: true });
  assert.ok(names.some((name) => name.endsWith(".cpython-313-aarch64-linux-musl.so")));
  assert.ok(names.includes("colorama/__init__.py"));
});

for (const [language, files, message] of [
  ["node", node({ canvas: "3.2.3" }), /canvas 3\.2\.3 has no binary for the platform and would be compiled/],
  ["python", python("docopt==0.6.2"), /docopt 0\.6\.2 exists as source only/],
] as const)
  test(`names a ${language} package that exists as source only`, async () => {
    const installation = { language, files, platform: AMD64, version: language === "node" ? "24.1.0" : "3.11.2" };
    await assert.rejects(install(installation), { code: "NO_PREBUILT_PACKAGE", message });
  });
