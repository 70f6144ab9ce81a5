import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { faasProgram, freePort, runProgram, tempDir } from "@faas/testing";

const root = join(import.meta.dirname, "../..");
const pages = join(root, "docs/migrate");
/** Examples that install packages of a registry run only with this variable. */
const withPackages = process.env.FAAS_TEST_PACKAGES !== undefined;

describe("docs/migrate: the examples of each page work", { concurrency: 3 }, async () => {
  const folder = tempDir("migrate");
  let port = 0;
  const env = () => ({
    ...process.env,
    PATH: `${join(root, "node_modules/.bin")}${delimiter}${process.env.PATH}`,
    FAAS_DATA: join(folder, "data"),
    FAAS_SERVER: `http://127.0.0.1:${port}`,
  });
  before(async () => {
    port = await freePort();
    const { code, output } = await runProgram(
      process.execPath,
      [faasProgram, "up", "--detach", "--port", String(port)],
      { cwd: folder, env: env() },
    );
    assert.equal(code, 0, output);
  });
  after(() => runProgram(process.execPath, [faasProgram, "down"], { cwd: folder, env: env() }));

  for (const page of await readdir(pages)) {
    test(page, async () => {
      const text = await readFile(join(pages, page), "utf8");
      let examples = 0;
      for (const [, language, argument, content] of text.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)) {
        if (language !== "sh") {
          const file = join(folder, argument as string);
          await mkdir(dirname(file), { recursive: true });
          await writeFile(file, content as string);
          continue;
        }
        if (argument === "packages" && !withPackages) continue;
        for (const [command, expected] of commandsOf(content as string)) {
          const line = command.replaceAll("8887", String(port)).replace(/^curl /, "curl -sS ");
          const { code, output } = await runProgram("bash", ["-c", line], { cwd: folder, env: env() });
          assert.equal(code, 0, `${command}\n${output}`);
          if (expected === undefined) continue;
          assert.equal(output.trim(), expected, command);
          examples++;
        }
      }
      assert.ok(examples > 0);
    });
  }
});

/** Splits a block into its commands, each with the output that the comment after it shows. */
function commandsOf(block: string): [string, string | undefined][] {
  const lines = block.trim().split("\n");
  return lines.flatMap((line, i): [string, string | undefined][] =>
    line.startsWith("# ") ? [] : [[line, lines[i + 1]?.startsWith("# ") ? lines[i + 1]?.slice(2) : undefined]],
  );
}
