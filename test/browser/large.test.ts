import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { startServer } from "@faas/server";
import { tempDir } from "@faas/testing";
import type { Page } from "playwright-core";
import { digestOf, functionBundle } from "../../packages/server/src/testing/test-control.ts";
import { PagesUnderTest } from "./page-under-test.ts";

const ENDPOINTS = 10_000;
const AT_ONCE = 64;
const MAX_ROWS = 60;

const bundle = await functionBundle("export const handler = () => 'hello';\n");
const image = `bundle@${digestOf(bundle)}`;
const server = await startServer({ dataDir: join(tempDir("browser"), "data"), port: 0, logLevel: "silent" });
after(() => server.stop());
const pages = await PagesUnderTest.start(server.url);
await fetch(`${server.url}/-/bundles/${digestOf(bundle)}`, { method: "PUT", body: new Uint8Array(bundle) });

/** Registers an endpoint without replicas. */
async function register(endpoint: string): Promise<void> {
  const body = JSON.stringify({ org: "acme", endpoint, image, replicas: 0 });
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`${server.url}/add_endpoint`, { method: "POST", headers, body });
  assert.equal(response.status, 201, await response.text());
}

const link = (page: Page, name: string) => page.getByRole("link", { name, exact: true });
const rows = (page: Page) => page.locator(".rows [role=row]").count();

test(`only the visible rows of ${ENDPOINTS} endpoints are in the document, also after a filter`, async (t) => {
  const names = Array.from({ length: ENDPOINTS }, (_, i) => `e-${String(i).padStart(5, "0")}`);
  for (let i = 0; i < names.length; i += AT_ONCE) await Promise.all(names.slice(i, i + AT_ONCE).map(register));
  const page = await pages.open(t);
  await link(page, "acme/e-00000").waitFor();
  assert.ok((await rows(page)) <= MAX_ROWS);
  await page.locator(".scroller").evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await link(page, `acme/${names.at(-1)}`).waitFor();
  assert.ok((await rows(page)) <= MAX_ROWS);
  await page.getByLabel("Search").fill("e-0123");
  await page.getByText(/^10 of 10,000$/).waitFor();
  assert.equal(await rows(page), 10);
  const [paint] = await page.evaluate(() =>
    performance.getEntriesByName("first-contentful-paint").map(({ startTime }) => startTime),
  );
  t.diagnostic(`first paint: ${paint?.toFixed(0)} ms`);
  const times = await filterTimes(page);
  t.diagnostic(`filter of ${ENDPOINTS} endpoints to the next frame: ${times.map((ms) => ms.toFixed(1)).join(", ")} ms`);
});

/** Measures the time from each key in the search field to the frame that shows its result, in milliseconds. */
function filterTimes(page: Page): Promise<number[]> {
  return page.evaluate(async () => {
    const field = document.querySelector("input[type=search]") as HTMLInputElement;
    const found: number[] = [];
    for (const text of ["", "e", "e-0", "e-09", "e-099", "e-0999", ""]) {
      const start = performance.now();
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      // A task after the frame.
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      found.push(performance.now() - start);
    }
    return found;
  });
}
