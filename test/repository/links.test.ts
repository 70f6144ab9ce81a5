import assert from "node:assert/strict";
import { access, glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { root, sourceFiles } from "./source-files.ts";

test("relative links lead to files and headings that exist", async () => {
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

test("source files that a page names exist", async () => {
  const sources = sourceFiles(["packages", "templates", "test", "findings"]);
  // User files in examples have names of their own.
  const pages = ["CONTRIBUTING.md", "HACKING.md", "docs/{architecture,security,scaling,performance,faults}.md"];
  const missing: string[] = [];
  for await (const page of glob(pages, { cwd: root })) {
    const text = await readFile(join(root, page), "utf8");
    for (const [, name = ""] of text.matchAll(/`([\w./-]+\.(?:ts|py|pl))`/g)) {
      if (!sources.some((file) => `/${file}`.endsWith(`/${name}`))) missing.push(`${page}: ${name}`);
    }
  }
  assert.deepEqual(missing, []);
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

/** Returns the anchor that GitHub gives to a heading. */
const anchor = (title: string) =>
  title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
