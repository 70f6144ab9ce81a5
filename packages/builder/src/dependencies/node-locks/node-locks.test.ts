import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sourceFolder } from "../../testing/source-folder.ts";
import { readNodeManifests } from "../node.ts";

const MANIFEST = JSON.stringify({
  name: "fn",
  dependencies: { a: "^1.0.0", alias: "npm:real@^3", c: "1.0.0" },
  optionalDependencies: { system: "*" },
  devDependencies: { tool: "*" },
});

/** Lock files of each package manager with the same packages: `a` needs another version of `c`, and `system` is optional. */
const LOCKS = {
  "pnpm-lock.yaml": `lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      a: {specifier: ^1.0.0, version: 1.1.0(c@2.0.0)}
      alias: {specifier: npm:real@^3, version: real@3.0.0}
      c: {specifier: 1.0.0, version: 1.0.0}
    optionalDependencies:
      system: {specifier: '*', version: 1.0.0}
    devDependencies:
      tool: {specifier: '*', version: 1.0.0}
packages:
  a@1.1.0: {resolution: {integrity: sha512-a}}
  c@1.0.0: {resolution: {integrity: sha512-c1}}
  c@2.0.0: {resolution: {integrity: sha512-c2}}
  real@3.0.0: {resolution: {integrity: sha512-r}}
  system@1.0.0: {resolution: {integrity: sha512-s}, os: [linux], cpu: [x64]}
  tool@1.0.0: {resolution: {integrity: sha512-t}}
snapshots:
  a@1.1.0(c@2.0.0): {dependencies: {c: 2.0.0}}
  c@1.0.0: {}
  c@2.0.0: {}
  real@3.0.0: {}
  system@1.0.0: {optional: true}
  tool@1.0.0: {}
`,
  "yarn.lock": `# yarn lockfile v1

a@^1.0.0, a@^1.1.0:
  version "1.1.0"
  resolved "https://registry.yarnpkg.com/a/-/a-1.1.0.tgz#0123456789012345678901234567890123456789"
  integrity sha512-a
  dependencies:
    c "^2.0.0"

"alias@npm:real@^3":
  version "3.0.0"
  integrity sha512-r

c@1.0.0:
  version "1.0.0"
  integrity sha512-c1

c@^2.0.0:
  version "2.0.0"
  integrity sha512-c2

system@*:
  version "1.0.0"
  integrity sha512-s
`,
  "bun.lock": `{
  "lockfileVersion": 1,
  "workspaces": {
    "": {
      "name": "fn",
      "dependencies": { "a": "^1.0.0", "alias": "npm:real@^3", "c": "1.0.0", },
      "optionalDependencies": { "system": "*", },
    },
  },
  "packages": {
    "a": ["a@1.1.0", "", { "dependencies": { "c": "^2.0.0" } }, "sha512-a"],
    "alias": ["real@3.0.0", "", {}, "sha512-r"],
    "c": ["c@1.0.0", "", {}, "sha512-c1"],
    "system": ["system@1.0.0", "", { "os": "linux", "cpu": "x64" }, "sha512-s"],
    "a/c": ["c@2.0.0", "", {}, "sha512-c2"],
  }
}
`,
};
const BERRY = `__metadata:
  version: 8

"a@npm:^1.0.0":
  version: 1.1.0
  resolution: "a@npm:1.1.0"
  dependencies:
    c: "npm:^2.0.0"
  checksum: 10c0/a

"alias@npm:real@^3":
  version: 3.0.0
  resolution: "real@npm:3.0.0"

"c@npm:1.0.0":
  version: 1.0.0
  resolution: "c@npm:1.0.0"

"c@npm:^2.0.0":
  version: 2.0.0
  resolution: "c@npm:2.0.0"

"system@npm:*":
  version: 1.0.0
  resolution: "system@npm:1.0.0"
  conditions: os=linux & cpu=x64
`;

/** Returns the packages of npm's lock file, without empty fields. */
async function convertedPackages(name: string, text: string, manifest = MANIFEST) {
  const folder = await sourceFolder({ "package.json": manifest, [name]: text });
  const { files } = (await readNodeManifests(folder)) ?? {};
  const { packages } = JSON.parse(files?.get("package-lock.json") ?? "{}") as { packages: Record<string, object> };
  const isFilled = ([, value]: [string, unknown]) => typeof value !== "object" || Object.keys(value ?? {}).length > 0;
  return Object.fromEntries(
    Object.entries(packages).map(([path, entry]) => [path, Object.fromEntries(Object.entries(entry).filter(isFilled))]),
  );
}

for (const [title, name, text, has] of [
  ["pnpm-lock.yaml", "pnpm-lock.yaml", LOCKS["pnpm-lock.yaml"], { integrity: true, platforms: true }],
  ["yarn.lock of Yarn 1", "yarn.lock", LOCKS["yarn.lock"], { integrity: true, platforms: false }],
  ["yarn.lock of Yarn 4", "yarn.lock", BERRY, { integrity: false, platforms: true }],
  ["bun.lock", "bun.lock", LOCKS["bun.lock"], { integrity: true, platforms: true }],
] as const)
  test(`a ${title} becomes npm's lock file with the same versions`, async () => {
    const digest = (integrity: string) => (has.integrity ? { integrity } : {});
    const platforms = has.platforms ? { os: ["linux"], cpu: ["x64"] } : {};
    assert.deepEqual(await convertedPackages(name, text), {
      "": {
        name: "fn",
        dependencies: { a: "1.1.0", alias: "npm:real@3.0.0", c: "1.0.0" },
        optionalDependencies: { system: "1.0.0" },
      },
      "node_modules/a": { version: "1.1.0", ...digest("sha512-a"), dependencies: { c: "2.0.0" } },
      "node_modules/alias": { name: "real", version: "3.0.0", ...digest("sha512-r") },
      "node_modules/c": { version: "1.0.0", ...digest("sha512-c1") },
      "node_modules/a/node_modules/c": { version: "2.0.0", ...digest("sha512-c2") },
      "node_modules/system": { version: "1.0.0", ...digest("sha512-s"), ...platforms, optional: true },
    });
  });

for (const [name, text] of Object.entries({ ...LOCKS, "yarn.lock": BERRY }))
  test(`a ${name} that package.json has changed since is rejected, unless .faasignore lists it`, async () => {
    const manifest = MANIFEST.replace("^1.0.0", "^2.0.0");
    await assert.rejects(convertedPackages(name, text, manifest), {
      code: "MANIFEST_INVALID",
      message: new RegExp(`${name} is out of date: .*"a@\\^2\\.0\\.0".* Run "(?:pnpm|yarn|bun) install"`),
    });
    const folder = await sourceFolder({ "package.json": manifest, [name]: text });
    await writeFile(join(folder, ".faasignore"), `${name}\n`);
    assert.equal((await readNodeManifests(folder))?.isLocked, false);
  });

for (const [title, name, text, message] of [
  ["old pnpm-lock.yaml", "pnpm-lock.yaml", "lockfileVersion: 5.4\n", /pnpm 7 and older/],
  [
    "pnpm-lock.yaml with patches",
    "pnpm-lock.yaml",
    LOCKS["pnpm-lock.yaml"].replace("importers:", "patchedDependencies: {a: {path: p, hash: h}}\nimporters:"),
    /patched/,
  ],
  [
    "yarn.lock with a patch",
    "yarn.lock",
    BERRY.replace('"a@npm:1.1.0"', '"a@patch:a@npm%3A1.1.0#./a.patch::version=1.1.0"'),
    /the patch of a/,
  ],
  ["binary lock file of Bun", "bun.lockb", "x", /bun install --save-text-lockfile/],
] as const)
  test(`rejects this lock file and says what to do: ${title}`, async () => {
    const rejection = {
      code: "MANIFEST_INVALID",
      message: new RegExp(`${message.source}.*npm install --package-lock-only`),
    };
    await assert.rejects(convertedPackages(name, text), rejection);
  });
