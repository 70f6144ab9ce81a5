import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Page } from "playwright-core";

/** `FAAS_SCREENSHOTS=1` writes the pictures of docs/ui.md. */
export const writesScreenshots = process.env.FAAS_SCREENSHOTS === "1";
const screenshots = join(import.meta.dirname, "../../docs/ui");
/** Pictures that the page has. */
const WANTED = new Set([
  "overview-light-1200",
  "overview-dark-360",
  "endpoint-light-1200",
  "revisions-light-1200",
  "call-light-1200",
  "call-dark-360",
  "async-calls-light-1200",
  "async-call-light-1200",
  "failure-light-1200",
  "server-light-1200",
]);
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Checks a page with axe-core, all rules. */
export async function checkAccessibility(page: Page, name: string): Promise<void> {
  // Not a script of the page: the debugger runs it, whatever the page's security policy is.
  await page.evaluate(axe);
  const [passed, violations] = await page.evaluate(async () => {
    const found = await (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run();
    const described = found.violations.map(
      ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`,
    );
    return [found.passes.length, described] as const;
  });
  assert.deepEqual(violations, [], name);
  assert.ok(passed > 10, `${name}: ${passed} rules`);
}

interface AxeResults {
  readonly passes: readonly unknown[];
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

/** Writes a picture for docs/ui.md, if pictures are wanted. */
export async function screenshot(page: Page, name: string): Promise<void> {
  if (!writesScreenshots || !WANTED.has(name)) return;
  await mkdir(screenshots, { recursive: true });
  const devtools = await page.context().newCDPSession(page);
  const { data } = await devtools.send("Page.captureScreenshot", { format: "webp", quality: 60 });
  await writeFile(join(screenshots, `${name}.webp`), Buffer.from(data, "base64"));
}

/** Asserts that nothing is wider than the window. */
export async function assertFits(page: Page, name: string): Promise<void> {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok((content ?? 0) <= (window ?? 0), `${name}: ${content} of ${window} pixels`);
}
