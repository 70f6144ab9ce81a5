import { after, test } from "node:test";
import type { Page } from "playwright-core";
import { assertFits, checkAccessibility, screenshot, writesScreenshots } from "./appearance.ts";
import { EmbeddedServer } from "./embedded-server.ts";
import { PagesUnderTest } from "./page-under-test.ts";
import { callAsync, untilState } from "./scenarios/async-calls.ts";
import { link } from "./scenarios/scenario.ts";
import { Client, pathOf, prepare } from "./server-under-test.ts";

const server = await EmbeddedServer.start();
after(() => server.stop());
const client = new Client(server);
const pages = await PagesUnderTest.start(server.url);
await prepare(client);
await client.changed("PUT", "/-/orgs/acme", {
  limits: { endpoints: 20, replicas: 40, requestsPerSecond: 500, burst: 500 },
});
await client.deploy("acme/hello", { replicas: 1, memory: "128Mi" }, { preview: { tag: "next", expires: "7d" } });
await client.changed("PUT", `${pathOf("acme/hello")}/tags/stable`, { revision: await servingRevision("acme/hello") });

await client.untilPhase("acme/hello", "ready");
await client.call("idle/report");

await client.deploy("acme/reports", { replicas: 0, async: { attempts: 3, backoff: "1ms", keep: "7d" } });
await client.untilPhase("acme/reports", "idle");
const failedCall = await callAsync(client, "reports/fail");
await callAsync(client, "reports/fail");
for (const path of ["may", "june", "july"]) await callAsync(client, `reports/${path}`);
await callAsync(client, "reports/august", { "X-Faas-Delay": "20m" });
await untilState(client, failedCall, "failed");

async function servingRevision(name: string): Promise<string> {
  return (await client.send("GET", pathOf(name))).body.revision;
}

/** Calls endpoints for some time, so that pictures have charts. */
async function load(page: Page): Promise<void> {
  for (let i = 0; i < 150; i++) {
    const names = ["hello/items", ...(i % 3 === 0 ? ["idle/report"] : []), ...(i % 40 === 0 ? ["hello/fail"] : [])];
    await Promise.all(names.map((name) => client.call(name)));
    await page.waitForTimeout(40 + 60 * Math.abs(Math.sin(i / 20)));
  }
}

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [1_200, 360]) {
    test(`accessible and readable, ${colorScheme}, ${width} pixels wide`, async (t) => {
      const options = { colorScheme, viewport: { width, height: 760 }, reducedMotion: "reduce" } as const;
      const entry = await pages.open(t, options);
      await entry.getByLabel("Key", { exact: true }).waitFor();
      await checkAccessibility(entry, "sign in");
      const page = await pages.signIn(t, server.adminToken, options);
      const check = async (name: string) => {
        await checkAccessibility(page, name);
        await assertFits(page, name);
        await screenshot(page, `${name}-${colorScheme}-${width}`);
      };
      await page.getByText("Live", { exact: true }).waitFor();
      if (writesScreenshots) await load(page);
      for (let i = 0; i < 20; i++) await client.call(`hello/${i}`);
      const row = page.getByRole("row").filter({ has: link(page, "acme/hello") });
      await row
        .getByText(/^[1-9][\d.]*$/)
        .first()
        .waitFor();
      await check("overview");
      await link(page, "acme/hello").click();
      await page.getByRole("log").scrollIntoViewIfNeeded();
      await page.getByRole("log").getByText("handling /19").first().waitFor();
      await page.evaluate("scrollTo(0, 0)");
      await link(page, "GET /19").first().waitFor();
      await page.getByText("preview", { exact: true }).waitFor();
      await check("endpoint");
      await page.getByRole("heading", { name: "Replicas" }).evaluate((heading) => heading.scrollIntoView());
      await screenshot(page, `revisions-${colorScheme}-${width}`);
      await page.getByRole("button", { name: "Change settings" }).click();
      await checkAccessibility(page, "settings");
      await link(page, "Calls").click();
      await page.getByLabel("Slowest").check();
      await page.getByRole("link", { name: /^GET / }).first().waitFor();
      await check("calls");
      await page.getByRole("link", { name: /^GET / }).first().click();
      await page.getByRole("rowheader", { name: "cold start" }).waitFor();
      await page.getByRole("log").getByText("handling").waitFor();
      await check("call");
      await link(page, "Async calls").click();
      await page.getByLabel("Failed 2").waitFor();
      await check("async-calls");
      await page.getByRole("button", { name: "Retry all failed" }).waitFor();
      await page.goto(`${server.url}/-/ui#/async-calls/acme/${failedCall}`);
      await page.getByLabel("Body of the response").waitFor();
      await check("async-call");
      await page.goto(`${server.url}/-/ui#/endpoints/acme/broken`);
      await page.getByRole("alert").first().waitFor();
      await check("failure");
      await link(page, "Server").click();
      await page.getByRole("cell", { name: "acme", exact: true }).first().waitFor();
      await check("server");
      await page
        .getByRole("button", { name: /^Revoke / })
        .first()
        .click();
      await checkAccessibility(page, "dialog");
    });
  }
}
