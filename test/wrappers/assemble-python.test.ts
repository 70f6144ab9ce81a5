import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { assemblePython } from "../../packages/wrappers/python/assemble.ts";

const root = await mkdtemp(join(tmpdir(), "faas-assemble-"));
after(() => rm(root, { recursive: true, force: true }));

/** Assembles a package of these files. `source_folder.py` and `main.py` are there if not given. */
async function assembled(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(root, "package-"));
  for (const [name, text] of Object.entries({ "source_folder.py": "import os\n\nFOLDER = os.curdir\n", ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return assemblePython(folder);
}

describe("assembling the Python wrapper", { concurrency: 2 }, () => {
  test("puts each module after those that it imports, drops their imports, and merges those of the standard library", async () => {
    const text = await assembled({
      "main.py":
        '"""The whole."""\nimport re\nfrom time import time\n\nfrom .a.b import B\nfrom .c import C\n\nMAIN = (B, C, re, time)\n',
      "a/__init__.py": "",
      "a/b.py": '"""A part.\n\nWith more to say.\n"""\nfrom time import sleep\n\nfrom ..c import C\n\nB = (C, sleep)\n',
      "c.py": "import os\nimport re\n\nC = (os, re)\n",
    });
    assert.equal(
      text.replace(/\nGenerated from .*\n/, ""),
      `"""The whole.
"""


import os

# ---- source_folder.py

FOLDER = os.curdir


import os
import re
from time import sleep, time


# ---- c.py

C = (os, re)


# ---- a/b.py
# A part.
#
# With more to say.

B = (C, sleep)


# ---- main.py

MAIN = (B, C, re, time)
`,
    );
    assert.match(text, /Generated from packages\/wrappers\/python\/src by `npm run wrappers`/);
  });

  test("turns a module that is only imported inside of functions into a part that is compiled when it is needed", async () => {
    const text = await assembled({
      "source_folder.py": "import sys\n\nFILE = sys._getframe().f_code.co_filename\n",
      "main.py":
        "from .eager import EAGER\n\n\ndef late():\n    from .late.a import A, fail\n    from .eager import EAGER\n\n    return [EAGER, A, fail]\n\n\nMAIN = late\n",
      "eager.py": "EAGER = 1\n",
      "late/a.py":
        '"""A part."""\nfrom time import time\n\nfrom ..eager import EAGER\nfrom .b import B\n\nA = (B, time, EAGER)\n\n\ndef fail() -> None:\n    """Fail."""\n    raise ValueError("\\n")\n',
      "late/b.py": "import os\n\nB = os.curdir\n",
    });
    const file = join(await mkdtemp(join(root, "part-")), "joined.py");
    await writeFile(file, text);
    const program = `
import traceback, runpy, sys
names = runpy.run_path(sys.argv[1])
assert "A" not in names["MAIN"].__globals__, "compiled too early"
eager, a, fail = names["MAIN"]()
assert (eager, a[0], a[2], names["MAIN"]()[0]) == (1, ".", 1, 1)
try:
    fail()
except ValueError as error:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    assert "raise ValueError" in frame.line, frame
`;
    await promisify(execFile)(process.env.FAAS_PYTHON ?? "python3", ["-c", program, file]);
  });

  test("removes annotations, docstrings and what is for the type checker alone; keeps comments and imports in functions", async () => {
    const text = await assembled({
      "main.py": `from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
    from .types import T

# Kept.
table: dict[str, tuple[int, str]] = {"ü": (1, "-> x: int")}


class A:
    """Goes."""

    field: T
    other = 1

    def f(self, a: int, /, b: str = "ü:", *c: Any, d: dict[str, int] | None = None, e: T, **g: T) -> dict[str, "A"]:
        """Goes."""
        import json

        h: int = 1  # type: ignore[assignment]
        return json.loads(a)  # why
`,
      "types.py": "T = int\n",
    });
    const main = text.slice(text.indexOf("# ---- main.py"));
    assert.equal(
      main,
      `# ---- main.py

# Kept.
table = {"ü": (1, "-> x: int")}


class A:
    other = 1

    def f(self, a, /, b="ü:", *c, d=None, e, **g):
        import json

        h = 1
        return json.loads(a)  # why
`,
    );
  });

  const refused: [string, Record<string, string>, RegExp][] = [
    [
      "a name that two modules define",
      { "main.py": "from .a import A\n\ndef x(): return A\n", "a.py": "A = 1\nx = 2\n" },
      /main\.py:3: "x" is defined twice: a\.py:2, and main\.py:3/,
    ],
    [
      "a name that is also imported from the standard library",
      { "main.py": "from .a import A\nfrom time import time\n\nB = time\n", "a.py": "A = 1\ntime = 2\n" },
      /"time" is defined twice: a\.py:2, and time\.time of the standard library/,
    ],
    [
      "a name that hides a built-in one",
      { "main.py": "print = 1\n" },
      /main\.py:1: "print" is defined twice: a built-in name/,
    ],
    [
      "an import cycle",
      { "main.py": "from .a import A\n", "a.py": "from .b import B\nA = 1\n", "b.py": "from .a import A\nB = 1\n" },
      /import cycle: a -> b -> a/,
    ],
    ["an import under another name", { "main.py": "from .a import A as B\n", "a.py": "A = 1\n" }, /main\.py:1: .*`as`/],
    ["an import of all names", { "main.py": "from os import *\n" }, /main\.py:1: .*`\*`/],
    [
      "an import of a module",
      { "main.py": "from . import a\n", "a.py": "A = 1\n" },
      /main\.py:1: expected `from \.module import name`/,
    ],
    [
      "an import of the package in a function",
      { "main.py": "def f():\n    from .a import A\n", "a.py": "" },
      /main\.py:2: /,
    ],
    ["an import in a `try`", { "main.py": "try:\n    import json\nexcept ImportError:\n    pass\n" }, /main\.py:2: /],
    [
      "a name that the module does not define",
      { "main.py": "from .a import A\n", "a.py": "B = 1\n" },
      /main\.py:1: a\.py does not define "A"/,
    ],
    [
      "an imported name that its module assigns again",
      { "main.py": "from .a import A\n", "a.py": "A = 1\n\ndef f():\n    global A\n    A = 2\n" },
      /main\.py:1: "A" is assigned by a function of a\.py/,
    ],
    ["a module that is missing", { "main.py": "from .a import A\n" }, /a\.py: imported, but there is no such file/],
    ["a module that nothing imports", { "main.py": "A = 1\n", "a.py": "B = 1\n" }, /a\.py: main does not import it/],
    [
      "a class with a docstring alone",
      { "main.py": 'class A:\n    """Words."""\n' },
      /main\.py:1: "A" has a docstring alone/,
    ],
    ["a syntax error", { "main.py": "def f(:\n" }, /main\.py, line 1/],
  ];
  for (const [what, files, message] of refused) {
    test(`refuses ${what}`, async () => {
      await assert.rejects(assembled(files), message);
    });
  }
});
