import assert from "node:assert/strict";
import { access, glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");

test("every relative link of a page leads to a file, and every heading that it names is there", async () => {
  const broken: string[] = [];
  for await (const page of glob(["*.md", "docs/**/*.md"], { cwd: root })) {
    const text = await readFile(join(root, page), "utf8");
    for (const [, link = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      if (!(await leads(page, link))) broken.push(`${page}: ${link}`);
    }
  }
  assert.deepEqual(broken, []);
});

async function leads(page: string, link: string): Promise<boolean> {
  const [file = "", heading] = link.split("#");
  const path = file === "" ? join(root, page) : join(root, dirname(page), file);
  if (heading === undefined) return exists(path);
  const text = await readFile(path, "utf8").catch(() => "");
  return [...text.matchAll(/^#+ (.+)$/gm)].some(([, title = ""]) => anchor(title) === heading);
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** As GitHub makes them. */
const anchor = (title: string) =>
  title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
