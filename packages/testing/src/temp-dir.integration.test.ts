import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { tempDir } from "./temp-dir.ts";

test("tempDir outlives hooks that are registered later, and is removed with its content after a failed test", async () => {
  const file = join(tempDir("outer"), "failing.test.ts");
  await writeFile(
    file,
    `import { existsSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { tempDir } from ${JSON.stringify(join(import.meta.dirname, "temp-dir.ts"))};
test("fails", (t) => {
  const path = tempDir("inner");
  t.after(() => {
    writeFileSync(path + "/late", "");
    console.log("folder: " + path);
  });
  throw new Error("on purpose");
});
`,
  );
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const failed = await promisify(execFile)(process.execPath, ["--import", "tsx", file], {
    cwd: join(import.meta.dirname, "../../.."),
    env,
  }).then(
    () => undefined,
    (error: { code: number; stdout: string }) => error,
  );
  assert.equal(failed?.code, 1);
  const [, folder = ""] = /folder: (\S+)/.exec(failed.stdout) ?? [];
  assert.match(folder, /faas-inner-/);
  assert.equal(existsSync(folder), false);
});
