import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type Files, sourceFolder } from "../../testing/source-folder.ts";
import { fromPoetryVersions, pythonMarker } from "./poetry-constraint.ts";
import { readRequirements } from "./project.ts";
import { compareVersions, matchesVersions } from "./version.ts";

async function requirementsOf(files: Files) {
  const folder = await sourceFolder(files);
  const requirements = await readRequirements(folder);
  const text = requirements?.files.get(join(folder, "requirements.txt")) ?? "";
  return { lines: text.split("\n").slice(0, -1), packageFiles: requirements?.packageFiles };
}

for (const [poetry, expected] of [
  ["*", [""]],
  ["^1.2.3", [">=1.2.3,<2"]],
  ["^0.2.3", [">=0.2.3,<0.3"]],
  ["^0.0.3", [">=0.0.3,<0.0.4"]],
  ["^0.0", [">=0.0,<0.1"]],
  ["^0", [">=0,<1"]],
  ["~1.2.3", [">=1.2.3,<1.3"]],
  ["~1", [">=1,<2"]],
  ["~=1.4.2", ["~=1.4.2"]],
  ["1.2.*", ["==1.2.*"]],
  ["1.2.3", ["==1.2.3"]],
  ["=1.2", ["==1.2"]],
  [">= 1.2, < 2", [">=1.2,<2"]],
  [">=1.2 <2 !=1.5", [">=1.2,<2,!=1.5"]],
  ["^1 || ^3", [">=1,<2", ">=3,<4"]],
] as const)
  test(`Poetry's "${poetry}" becomes ${expected.map((each) => `"${each}"`).join(" or ")}`, () => {
    assert.deepEqual(fromPoetryVersions(poetry), expected);
  });

for (const [poetry, expected] of [
  ["*", undefined],
  ["^3.9", 'python_version >= "3.9" and python_version < "4"'],
  ["<3.11", 'python_version < "3.11"'],
  [">=3.9.1", 'python_full_version >= "3.9.1"'],
  [
    "~3.9 || ~3.11",
    '(python_version >= "3.9" and python_version < "3.10") or (python_version >= "3.11" and python_version < "3.12")',
  ],
] as const)
  test(`Poetry's python "${poetry}" becomes the marker ${expected}`, () => {
    assert.equal(pythonMarker(poetry), expected);
  });

test("versions are in the order of PEP 440", () => {
  const ordered = ["1.0.dev1", "1.0a1", "1.0b2", "1.0rc1", "1.0", "1.0.post1", "1.1", "1.10", "1!0.1"];
  const shuffled = ordered.toReversed();
  assert.deepEqual(shuffled.toSorted(compareVersions), ordered);
  for (const [version, versions, expected] of [
    ["1.5", ">=1,<2", true],
    ["2.0", ">=1,<2", false],
    ["1.4.9", "~=1.4.2", true],
    ["1.5", "~=1.4.2", false],
    ["1.2.3", "==1.2.*", true],
    ["1.20", "==1.2.*", false],
    ["1.2", "!=1.2.*", false],
    ["1.0", "", true],
  ] as const)
    assert.equal(matchesVersions(version, versions), expected, `${version} ${versions}`);
});

for (const [line, expected] of [
  ["-e ./lib", "./lib"],
  ["--editable=lib", "./lib"],
  ["-e file:lib", "./lib"],
  ["lib @ file:./lib", "./lib"],
  ["./lib[x] ; python_version > '3'", "./lib[x] ; python_version > '3'"],
  ["-e git+https://example.com/r.git@abc#egg=r", "git+https://example.com/r.git@abc#egg=r"],
  ["r @ git+https://example.com/r.git@abc", "r @ git+https://example.com/r.git@abc"],
  ["six==1.0 \\\n  --hash=sha256:a", "six==1.0    --hash=sha256:a"],
  ["six ; python_version < '3.11' # old", "six ; python_version < '3.11'"],
  ["--index-url https://example.com/simple", "--index-url https://example.com/simple"],
] as const)
  test(`installs ${JSON.stringify(line)} as "${expected}"`, async () => {
    const files = { "requirements.txt": `${line}\n`, "lib/x": "" };
    assert.deepEqual((await requirementsOf(files)).lines, [expected]);
  });

for (const [title, files, expected] of [
  [
    "Poetry's own table, without development groups and optional packages",
    {
      "pyproject.toml": `[tool.poetry.dependencies]
python = "^3.9"
six = "^1.16"
attrs = {version = "*", extras = ["x"], python = "<3.11"}
lib = {path = "lib", develop = true}
repo = {git = "https://example.com/r.git", tag = "v1"}
more = {version = "1", optional = true}
[tool.poetry.group.dev.dependencies]
pytest = "*"
`,
      "lib/x": "",
    },
    ["six>=1.16,<2", 'attrs[x] ; python_version < "3.11"', "./lib", "repo @ git+https://example.com/r.git@v1"],
  ],
  [
    "[project] with the sources of uv",
    {
      "pyproject.toml": `[project]
name = "p"
dependencies = ["lib[x]; os_name == 'posix'", "repo>=1", "six (>=1)"]
[tool.uv.sources]
lib = { path = "lib", editable = true }
repo = { git = "https://example.com/r", rev = "abc" }
`,
      "lib/x": "",
    },
    ["./lib[x] ; os_name == 'posix'", "repo @ git+https://example.com/r@abc", "six (>=1)"],
  ],
  [
    "dependencies that setuptools reads from a file",
    {
      "pyproject.toml":
        '[project]\nname = "p"\ndynamic = ["dependencies"]\n[tool.setuptools.dynamic]\ndependencies = { file = ["base.in"] }\n',
      "base.in": "six\n",
    },
    ["-r base.in"],
  ],
  [
    "a Pipfile",
    {
      Pipfile:
        '[packages]\nsix = "*"\nattrs = {version = ">=1", sys_platform = "== \'linux\'"}\n[dev-packages]\npytest = "*"\n',
    },
    ["six", "attrs>=1 ; sys_platform == 'linux'"],
  ],
  [
    "a setup.cfg",
    {
      "setup.cfg":
        "[options]\npackages = find:\ninstall_requires =\n  six>=1 # all\n\n  attrs\n[options.extras_require]\nx = y\n",
      "setup.py": "import setuptools\nsetuptools.setup()\n",
    },
    ["six>=1", "attrs"],
  ],
  [
    "install_requires of a setup.py, by building it",
    { "setup.py": "from setuptools import setup\nsetup(name='x', install_requires=['six'])\n" },
    ["."],
  ],
  [
    "its own folder in requirements.txt, as the project's dependencies",
    {
      "requirements.txt": "attrs\n-e .[x]\n",
      "pyproject.toml":
        '[project]\nname = "p"\ndependencies = ["six"]\n[project.optional-dependencies]\nx = ["idna"]\ny = ["more"]\n',
    },
    ["attrs", "six", "idna"],
  ],
] as const)
  test(`installs ${title}`, async () => {
    assert.deepEqual((await requirementsOf(files)).lines, expected);
  });

test("versions that pip cannot express name the export command", async () => {
  await assert.rejects(requirementsOf({ "pyproject.toml": '[tool.poetry.dependencies]\nsix = "^1 || ^3"\n' }), {
    code: "MANIFEST_INVALID",
    message: /"\^1 \|\| \^3" of six\. Run "poetry export /,
  });
});

const BUILD_SYSTEM = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n';

test("a project with a build system is described to importlib.metadata", async () => {
  const { lines, packageFiles } = await requirementsOf({
    "pyproject.toml": `${BUILD_SYSTEM}[project]\nname = "My-App"\ndynamic = ["version"]\n[project.entry-points.plugins]\na = "my_app:a"\n`,
    "src/my_app/__init__.py": '__version__ = "1.2"\n',
  });
  assert.deepEqual(lines, []);
  assert.deepEqual(
    packageFiles,
    new Map([
      ["My_App-1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: My-App\nVersion: 1.2\n"],
      ["My_App-1.2.dist-info/entry_points.txt", "[plugins]\na = my_app:a\n"],
    ]),
  );
});

for (const [title, more] of [
  ["a backend that compiles", '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n'],
  ["packages in an unusual folder", `${BUILD_SYSTEM}[tool.hatch.build.targets.wheel]\npackages = ["lib/my_app"]\n`],
] as const)
  test(`a project with ${title} is built`, async () => {
    const { lines } = await requirementsOf({
      "pyproject.toml": `${more}[project]\nname = "p"\nversion = "1"\ndependencies = ["six"]\n`,
    });
    assert.deepEqual(lines, ["six", "."]);
  });

for (const setting of [
  "[tool.uv]\npackage = false",
  "[tool.poetry]\npackage-mode = false",
  "[tool.pdm]\ndistribution = false",
])
  test(`a project with ${setting.replace("\n", " ")} is not a package`, async () => {
    const { packageFiles } = await requirementsOf({
      "pyproject.toml": `${BUILD_SYSTEM}[project]\nname = "p"\ndependencies = ["six"]\n${setting}\n`,
    });
    assert.deepEqual(packageFiles, new Map());
  });
