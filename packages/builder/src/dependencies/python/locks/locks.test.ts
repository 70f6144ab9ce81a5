import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Files, sourceFolder } from "../../../testing/source-folder.ts";
import { readRequirements } from "../project.ts";

/** Reads a folder with these files, and returns the lines of the requirements files, without the temporary folder in paths. */
async function linesOf(files: Files, folder = "."): Promise<{ locked: string[]; sources: string[] }> {
  const root = await sourceFolder(files);
  const requirements = await readRequirements(join(root, folder));
  const lines = (name: string) => (requirements?.files.get(join(root, folder, name)) ?? "").split("\n").slice(0, -1);
  assert.equal(requirements?.files.has(join(root, folder, "requirements.txt")), false);
  return { locked: lines(".faas-locked.txt"), sources: lines(".faas-sources.txt") };
}

const POETRY_MANIFEST = `[tool.poetry]
name = "p"
version = "1.0"
[tool.poetry.dependencies]
python = "^3.9"
requests = {version = "^2.31", extras = ["socks"]}
[tool.poetry.group.dev.dependencies]
pytest = "^8"
`;
const PROJECT_MANIFEST = `[project]
name = "grüße"
version = "1.0"
requires-python = ">=3.9"
dependencies = ["requests[socks]>=2.31"]
[dependency-groups]
dev = ["pytest"]
`;
/** The digests are those that Poetry 1.8.5 and 2.5.1, PDM 2.22.4 and Pipenv 2026.10.3 compute for these manifests. */
const POETRY_HASH = "c83284e87f0abaa596eeb7b6d353be42483569754fe44f85fcbab42dcc7dde33";
const PROJECT_HASHES = [
  "fde8fd9681232eea5c8c61f0d48472fbfc587e49b750e7e2be8481188aebf078",
  "d145b35bda20a51a13756571220541f7e1b0ba3b40f7cf65aa669f803ad18fcb",
];
const PDM_HASH = "bf098abc398be342c7a9a28d36692af47b97c1b55e35f98ce954c72619d9787a";
const PIPFILE = '[packages]\nrequests = {version = ">=2.31", extras = ["socks"]}\n[dev-packages]\npytest = "*"\n';
const PIPFILE_HASH = "1ffa40cc05ea51a38eca1eb92e8336d51a12b30500a945fbd63f15b18bf3f967";

describe("poetry.lock", () => {
  const packageOf = (name: string, version: string, more: string) =>
    `[[package]]\nname = "${name}"\nversion = "${version}"\nfiles = [{file = "x", hash = "sha256:${name}"}]\n${more}`;
  const metadata = (hash: string) => `[metadata]\nlock-version = "2.1"\ncontent-hash = "${hash}"\n`;

  test("chooses the main group of Poetry 2, with its markers and the digests of files", async () => {
    const lock = [
      packageOf("requests", "2.32.5", 'groups = ["main"]\n'),
      packageOf("pytest", "8.4.2", 'groups = ["dev"]\n'),
      packageOf(
        "colorama",
        "0.4.6",
        `groups = ["main", "dev"]\nmarkers = {main = "sys_platform == \\"win32\\"", dev = "os_name == \\"nt\\""}\n`,
      ),
      packageOf("tomli", "2.5.0", `groups = ["main"]\nmarkers = "python_version < \\"3.11\\""\n`),
    ];
    const files = { "pyproject.toml": POETRY_MANIFEST, "poetry.lock": lock.join("") + metadata(POETRY_HASH) };
    assert.deepEqual((await linesOf(files)).locked, [
      "requests==2.32.5 --hash=sha256:requests",
      'colorama==0.4.6 ; sys_platform == "win32" --hash=sha256:colorama',
      'tomli==2.5.0 ; python_version < "3.11" --hash=sha256:tomli',
    ]);
  });

  test("follows the main dependencies of Poetry 1, with extras and the markers on the way", async () => {
    const lock = [
      packageOf(
        "requests",
        "2.32.5",
        `[package.dependencies]
charset_normalizer = ">=2,<4"
numpy = [{version = ">=1,<2", markers = "python_version < \\"3.12\\""}, {version = ">=2", markers = "python_version >= \\"3.12\\""}]
PySocks = {version = ">=1.5.6", optional = true, markers = "os_name == \\"posix\\" and extra == \\"socks\\""}
brotli = {version = "*", optional = true, markers = "extra == \\"br\\""}
[package.extras]
socks = ["PySocks (>=1.5.6)"]
br = ["brotli"]
`,
      ),
      packageOf("charset-normalizer", "3.5.3", ""),
      packageOf("numpy", "1.26.4", ""),
      packageOf("numpy", "2.1.0", '[package.dependencies]\npysocks = "*"\n'),
      packageOf("pysocks", "1.7.1", ""),
      packageOf("brotli", "1.1", ""),
      packageOf("pytest", "8.4.2", '[package.dependencies]\npluggy = "*"\n'),
      packageOf("pluggy", "1.6", ""),
    ];
    const files = { "pyproject.toml": POETRY_MANIFEST, "poetry.lock": lock.join("") + metadata(POETRY_HASH) };
    assert.deepEqual((await linesOf(files)).locked, [
      "requests==2.32.5 --hash=sha256:requests",
      "charset-normalizer==3.5.3 --hash=sha256:charset-normalizer",
      'numpy==1.26.4 ; python_version < "3.12" --hash=sha256:numpy',
      'numpy==2.1.0 ; python_version >= "3.12" --hash=sha256:numpy',
      'pysocks==1.7.1 ; os_name == "posix" or python_version >= "3.12" --hash=sha256:pysocks',
    ]);
  });

  test("keeps folders, repositories and archives apart from what has digests", async () => {
    const source = (fields: string) => `groups = ["main"]\n[package.source]\n${fields}\n`;
    const lock = [
      packageOf("lib", "1", source('type = "directory"\nurl = "../lib"')),
      packageOf("wheel", "1", source('type = "file"\nurl = "../wheel.whl"')),
      packageOf("far", "1", source('type = "url"\nurl = "https://example.com/far.zip"')),
      packageOf(
        "repo",
        "1",
        source(
          'type = "git"\nurl = "git@example.com:a/repo.git"\nreference = "main"\nresolved_reference = "abc"\nsubdirectory = "py"',
        ),
      ),
      packageOf("own", "1", source('type = "legacy"\nurl = "https://example.com/simple"\nreference = "own"')),
    ];
    const files = {
      "fn/pyproject.toml": POETRY_MANIFEST,
      "fn/poetry.lock": lock.join("") + metadata(POETRY_HASH),
      "lib/x": "",
      "wheel.whl": "",
    };
    assert.deepEqual(await linesOf(files, "fn"), {
      locked: [
        "--extra-index-url https://example.com/simple",
        "../wheel.whl --hash=sha256:wheel",
        "far @ https://example.com/far.zip --hash=sha256:far",
        "own==1 --hash=sha256:own",
      ],
      sources: [
        "--extra-index-url https://example.com/simple",
        "../lib",
        "repo @ git+ssh://git@example.com/a/repo.git@abc#subdirectory=py",
      ],
    });
  });

  for (const hash of PROJECT_HASHES)
    test(`matches a manifest with [project], with the digest ${hash.slice(0, 4)}…`, async () => {
      const lock = packageOf("requests", "2.32.5", 'groups = ["main"]\n') + metadata(hash);
      const { locked } = await linesOf({ "pyproject.toml": PROJECT_MANIFEST, "poetry.lock": lock });
      assert.deepEqual(locked, ["requests==2.32.5 --hash=sha256:requests"]);
    });

  test("is rejected when the manifest has changed since", async () => {
    const files = { "pyproject.toml": POETRY_MANIFEST.replace("2.31", "2.32"), "poetry.lock": metadata(POETRY_HASH) };
    await assert.rejects(linesOf(files), {
      code: "MANIFEST_INVALID",
      message: /poetry\.lock is out of date.*"poetry lock"/,
    });
  });
});

describe("uv.lock", () => {
  const own = (source: string) => `[[package]]
name = "gruesse"
version = "1.0"
source = { ${source} }
dependencies = [
  { name = "requests", version = "2.32.5", source = { registry = "https://pypi.org/simple" }, extra = ["socks"], marker = "python_full_version < '3.10'" },
  { name = "requests", version = "2.34.2", source = { registry = "https://pypi.org/simple" }, extra = ["socks"], marker = "python_full_version >= '3.10'" },
]
[package.metadata]
requires-dist = [{ name = "requests", extras = ["socks"], specifier = ">=2.31" }, { name = "attrs", marker = "extra == 'x'" }]
[package.dev-dependencies]
dev = [{ name = "pytest" }]
`;
  const PACKAGES = ["2.32.5", "2.34.2"].map(
    (version) => `[[package]]
name = "requests"
version = "${version}"
source = { registry = "https://pypi.org/simple" }
sdist = { url = "u", hash = "sha256:s${version}" }
wheels = [{ url = "u", hash = "sha256:w${version}" }]
[package.optional-dependencies]
socks = [{ name = "pysocks" }, { name = "lib" }]
`,
  );
  const REST = `[[package]]
name = "pysocks"
version = "1.7.1"
source = { git = "https://example.com/a/pysocks?rev=main&subdirectory=py#abc" }
[[package]]
name = "lib"
version = "1"
source = { editable = "lib" }
dependencies = [{ name = "wheel" }, { name = "virtual" }]
[[package]]
name = "virtual"
version = "1"
source = { virtual = "virtual" }
[[package]]
name = "wheel"
version = "1"
source = { registry = "wheels" }
wheels = [{ path = "wheel.whl", hash = "sha256:w" }]
[[package]]
name = "pytest"
version = "9"
source = { registry = "https://pypi.org/simple" }
`;
  const lock = (source: string) => own(source) + PACKAGES.join("") + REST;
  const both = "python_full_version < '3.10' or python_full_version >= '3.10'";

  test("chooses the project's own dependencies, with extras, forks and workspace members", async () => {
    const files = {
      "packages/fn/pyproject.toml": PROJECT_MANIFEST,
      "uv.lock": lock('editable = "packages/fn"'),
      "lib/x": "",
      "wheels/x": "",
    };
    assert.deepEqual(await linesOf(files, "packages/fn"), {
      locked: [
        "--find-links ../../wheels",
        "requests==2.32.5 ; python_full_version < '3.10' --hash=sha256:s2.32.5 --hash=sha256:w2.32.5",
        "requests==2.34.2 ; python_full_version >= '3.10' --hash=sha256:s2.34.2 --hash=sha256:w2.34.2",
        `wheel==1 ; ${both} --hash=sha256:w`,
      ],
      sources: [
        "--find-links ../../wheels",
        `pysocks @ git+https://example.com/a/pysocks@abc#subdirectory=py ; ${both}`,
        `../../lib ; ${both}`,
      ],
    });
  });

  for (const [change, pyproject] of [
    ["another version", PROJECT_MANIFEST.replace("2.31", "2.32")],
    ["another dependency", PROJECT_MANIFEST.replace('"requests', '"attrs", "requests')],
  ] as const)
    test(`is rejected when the manifest has ${change}`, async () => {
      const files = { "pyproject.toml": pyproject, "uv.lock": lock('virtual = "."') };
      await assert.rejects(linesOf(files), { code: "MANIFEST_INVALID", message: /uv\.lock is out of date.*"uv lock"/ });
    });

  test("names the export command when it does not have the project", async () => {
    const files = { "pyproject.toml": PROJECT_MANIFEST, "uv.lock": lock('virtual = "other"') };
    await assert.rejects(linesOf(files), { code: "MANIFEST_INVALID", message: /uv\.lock.* Run "uv export / });
  });
});

describe("pdm.lock", () => {
  const metadata = (strategy: string, hash = PDM_HASH) =>
    `[metadata]\nstrategy = [${strategy}]\nlock_version = "4.5.0"\ncontent_hash = "sha256:${hash}"\n`;
  const packages = `[[package]]
name = "requests"
version = "2.32.5"
groups = ["default"]
dependencies = ["idna<4,>=2.5; os_name == \\"posix\\""]
files = [{file = "x", hash = "sha256:r"}]
[[package]]
name = "requests"
version = "2.32.5"
extras = ["socks"]
groups = ["default"]
dependencies = ["PySocks!=1.5.7,>=1.5.6", "requests==2.32.5"]
files = [{file = "x", hash = "sha256:r"}]
[[package]]
name = "idna"
version = "3.20"
groups = ["default"]
marker = "os_name == \\"posix\\""
files = [{file = "x", hash = "sha256:i"}]
[[package]]
name = "pysocks"
version = "1.7.1"
groups = ["default"]
git = "https://example.com/p.git"
ref = "main"
revision = "abc"
[[package]]
name = "pytest"
version = "9"
groups = ["dev"]
`;

  for (const strategy of ['"inherit_metadata"', ""])
    test(`chooses the default group with the strategy [${strategy}]`, async () => {
      const files = { "pyproject.toml": PROJECT_MANIFEST, "pdm.lock": metadata(strategy) + packages };
      assert.deepEqual(await linesOf(files), {
        locked: ["requests==2.32.5 --hash=sha256:r", 'idna==3.20 ; os_name == "posix" --hash=sha256:i'],
        sources: ["pysocks @ git+https://example.com/p.git@abc"],
      });
    });

  test("is rejected when the manifest has changed since", async () => {
    const files = { "pyproject.toml": PROJECT_MANIFEST, "pdm.lock": metadata("", "0") };
    await assert.rejects(linesOf(files), { code: "MANIFEST_INVALID", message: /pdm\.lock is out of date.*"pdm lock"/ });
  });
});

describe("Pipfile.lock", () => {
  const lock = (hash: string) =>
    JSON.stringify({
      _meta: { hash: { sha256: hash }, sources: [{ url: "https://$USER@example.com/simple" }] },
      default: {
        requests: {
          version: "==2.34.2",
          hashes: ["sha256:a", "sha256:b"],
          extras: ["socks"],
          markers: "python_version >= '3.10'",
        },
        lib: { path: "./lib", editable: true },
        repo: { git: "https://example.com/r.git", ref: "abc" },
        colorama: { version: "*", sys_platform: "== 'win32'" },
      },
      develop: { pytest: { version: "==9" } },
    });

  test("chooses the default packages", async () => {
    const index = "--extra-index-url https://$USER@example.com/simple";
    assert.deepEqual(await linesOf({ Pipfile: PIPFILE, "Pipfile.lock": lock(PIPFILE_HASH), "lib/x": "" }), {
      locked: [index, "requests==2.34.2 ; python_version >= '3.10' --hash=sha256:a --hash=sha256:b"],
      sources: [index, "./lib", "repo @ git+https://example.com/r.git@abc", "colorama ; sys_platform == 'win32'"],
    });
  });

  test("is rejected when the Pipfile has changed since", async () => {
    await assert.rejects(linesOf({ Pipfile: PIPFILE, "Pipfile.lock": lock("0") }), {
      code: "MANIFEST_INVALID",
      message: /Pipfile\.lock is out of date.*"pipenv lock"/,
    });
  });
});
