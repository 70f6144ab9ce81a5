import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { testControl } from "../../packages/server/src/testing/test-control.ts";
import { call, deploy, deployBroken, untilPhase } from "./deployed.ts";
import { assertFits, checkAccessibility, PagesUnderTest, screenshot, writesScreenshots } from "./page-under-test.ts";

const server = await testControl({ auth: true });
const pages = await PagesUnderTest.start(server.url);
await deploy(server, "acme/hello", { replicas: 1 });
await deploy(server, "acme/idle", { replicas: 0 });
await deploy(server, "other/hidden", { replicas: 0 });
await deployBroken(server, "acme/broken");
await untilPhase(server, "acme/hello", "ready");
await untilPhase(server, "acme/broken", "failed");

const link = (page: Page, name: string) => page.getByRole("link", { name, exact: true });
const row = (page: Page, name: string) => page.getByRole("row").filter({ has: link(page, name) });

test("a key that is not valid is rejected in words, and the form stays", async (t) => {
  const page = await pages.open(t);
  await page.getByLabel("Key", { exact: true }).fill("faas_read_nothing");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: "does not accept this key" }).waitFor();
  assert.ok(await page.getByLabel("Key", { exact: true }).isVisible());
});

test("an admin sees all organizations, the gateways, keys and the audit trail", async (t) => {
  const page = await pages.signIn(t, server.adminToken);
  for (const name of ["acme/hello", "acme/idle", "other/hidden"]) await link(page, name).waitFor();
  await link(page, "Server").click();
  for (const name of ["Gateways", "Organizations", "Keys", "Audit trail"])
    await page.getByRole("heading", { name, exact: true }).waitFor();
});

test("a key of an organization sees this one only; deploy may change settings, read may not call", async (t) => {
  const deployer = await pages.signIn(t, await server.key("acme", "deploy"));
  await link(deployer, "acme/hello").waitFor();
  assert.equal(await link(deployer, "other/hidden").count(), 0);
  await link(deployer, "Organization").click();
  await deployer.getByRole("heading", { name: "Limits" }).waitFor();
  for (const name of ["Gateways", "Keys", "Audit trail"])
    assert.equal(await deployer.getByRole("heading", { name, exact: true }).count(), 0, name);
  await deployer.goto(`${server.url}/-/ui#/endpoints/acme/hello`);
  await deployer.getByRole("button", { name: "Change settings" }).waitFor();

  const reader = await pages.signIn(t, await server.key("acme", "read"));
  await link(reader, "acme/hello").click();
  await reader.getByRole("heading", { name: "Logs" }).waitFor();
  for (const name of ["Change settings", "Call"]) assert.equal(await reader.getByRole("button", { name }).count(), 0);
});

test("a key that may only call endpoints gets a form for that", async (t) => {
  const page = await pages.signIn(t, await server.key("acme", "invoke"));
  await page.getByLabel("Endpoint of acme").fill("hello");
  await page.getByRole("button", { name: "Call" }).click();
  await page.getByText("200 OK").waitFor();
  assert.equal(await page.getByRole("navigation").count(), 0);
});

test("a key is kept over a reload only when the user asks for it", async (t) => {
  const page = await pages.signIn(t, server.adminToken);
  await page.reload();
  await page.getByLabel("Keep it until this tab is closed").check();
  await page.getByLabel("Key", { exact: true }).fill(server.adminToken);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await page.reload();
  await link(page, "acme/hello").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.reload();
  await page.getByLabel("Key", { exact: true }).waitFor();
});

test("a deployment is seen within a second", async (t) => {
  const page = await pages.signIn(t, server.adminToken);
  await page.getByText("Live", { exact: true }).waitFor();
  await link(page, "acme/hello").waitFor();
  await deploy(server, "acme/fresh", { replicas: 0 });
  await link(page, "acme/fresh").waitFor({ timeout: 1_000 });
  await server.send("DELETE", "/-/orgs/acme/endpoints/fresh");
  await link(page, "acme/fresh").waitFor({ state: "detached" });
});

test("logs are followed, with filters for text and statuses", async (t) => {
  const page = await pages.signIn(t, server.adminToken);
  await link(page, "acme/hello").click();
  const log = page.getByRole("log");
  await call(server, "/acme/hello/first");
  await log.getByText("handling /first").waitFor();
  await call(server, "/acme/hello/fail");
  await log.getByText(/GET \/fail 500/).waitFor();
  await page.getByLabel("Contains").fill("first");
  await log.getByText("handling /fail").waitFor({ state: "detached" });
  await log.getByText("handling /first").waitFor();
  await page.getByLabel("Contains").fill("");
  // Slower than the page changes: the field keeps what was typed.
  await page.getByLabel("Status of calls").pressSequentially("5xx", { delay: 600 });
  await log.getByText("handling /first").waitFor({ state: "detached" });
  await log.getByText(/GET \/fail 500/).waitFor();
  await call(server, "/acme/hello/fail");
  await page.waitForFunction(() => document.querySelectorAll(".log .access").length === 2);
});

test("the form calls the endpoint and shows the response with its timing", async (t) => {
  const page = await pages.signIn(t, server.adminToken);
  await link(page, "acme/hello").click();
  await page.getByLabel("Path and query").fill("/items?limit=3");
  await page.getByRole("button", { name: "Call" }).click();
  await page.getByText("200 OK").waitFor();
  await page.getByText(/of it .*exec [\d.]+ ms/).waitFor();
  await page.getByLabel("Response").getByText('"limit": "3"').waitFor();
});

test("a failed deployment is explained, and settings are changed by a new revision", async (t) => {
  const page = await pages.signIn(t, server.adminToken);
  await link(page, "acme/broken").click();
  await page.getByRole("alert").filter({ hasText: "no database" }).first().waitFor();
  await page.goto(`${server.url}/-/ui#/endpoints/acme/idle`);
  await page.getByRole("button", { name: "Change settings" }).click();
  await page.getByLabel("Timeout of a call").fill("7s");
  await page.getByRole("button", { name: "Deploy with these settings" }).click();
  await page.getByText("is being deployed").waitFor();
  const { body } = await server.send("GET", "/-/orgs/acme/endpoints/idle/settings");
  assert.equal(body.settings.timeout, "7s");
});

test("a rollback asks, and then the previous revision serves again", async (t) => {
  const first = await deploy(server, "acme/versions", { replicas: 0, timeout: "5s" });
  const second = await deploy(server, "acme/versions", { timeout: "6s" });
  const page = await pages.signIn(t, server.adminToken);
  await link(page, "acme/versions").click();
  const button = page.getByRole("button", { name: `Roll back to ${first}` });
  await button.click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await button.click();
  await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
  await page.getByText(`Revision ${first} replaces ${second}`).waitFor();
  await page.getByRole("button", { name: `Roll back to ${second}` }).waitFor();
  assert.equal((await server.send("GET", "/-/orgs/acme/endpoints/versions")).body.revision, first);
});

test("a key is created, shown once, and revoked after a question", async (t) => {
  const page = await pages.signIn(t, server.adminToken);
  await link(page, "Server").click();
  const form = page.locator("form").filter({ has: page.getByLabel("Expires after") });
  await form.getByLabel("Organization").selectOption("acme");
  await form.getByLabel("Scope").selectOption("deploy");
  await form.getByLabel("Name").fill("browser");
  await form.getByRole("button", { name: "Create" }).click();
  const token = (await page.locator(".token code").textContent()) ?? "";
  assert.equal((await server.send("GET", "/-/whoami", undefined, token)).body.name, "browser");
  await page.getByRole("button", { name: "Revoke browser" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  assert.equal((await server.send("GET", "/-/whoami", undefined, token)).status, 200);
  await page.getByRole("button", { name: "Revoke browser" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("button", { name: "Revoke browser" }).waitFor({ state: "detached" });
  assert.equal((await server.send("GET", "/-/whoami", undefined, token)).status, 401);
});

test("a revoked key ends the session", async (t) => {
  const { body } = await server.send("POST", "/-/orgs/acme/keys", { scope: "read" });
  const page = await pages.signIn(t, body.token);
  await page.getByText("Live", { exact: true }).waitFor();
  await server.send("DELETE", `/-/orgs/acme/keys/${body.id}`);
  await page.getByRole("alert").waitFor();
  assert.ok(await page.getByLabel("Key", { exact: true }).isVisible());
});

test("everything can be done with the keyboard", async (t) => {
  const page = await pages.open(t);
  await page.locator("input:focus").waitFor();
  await page.keyboard.type(server.adminToken);
  await page.keyboard.press("Enter");
  await link(page, "acme/hello").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("acme");
  await link(page, "other/hidden").waitFor({ state: "detached" });
  const focused = () => page.evaluate(() => document.activeElement?.textContent);
  for (let tabs = 0; tabs < 6 && !(await focused())?.startsWith("acme/"); tabs++) await page.keyboard.press("Tab");
  assert.equal(await focused(), "acme/broken");
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction(() => document.activeElement?.textContent === "acme/hello");
  await page.keyboard.press("Enter");
  await page.locator("h1:focus").filter({ hasText: "acme/hello" }).waitFor();
  await page.keyboard.press("Escape");
  await row(page, "acme/hello").waitFor();
});

/** Calls endpoints for some time, so that pictures have charts. */
async function load(page: Page): Promise<void> {
  for (let i = 0; i < 150; i++) {
    const names = ["hello", ...(i % 3 === 0 ? ["idle"] : []), ...(i % 40 === 0 ? ["hello/fail"] : [])];
    await Promise.all(names.map((name) => call(server, `/acme/${name}`)));
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
      for (let i = 0; i < 20; i++) await call(server, `/acme/hello/${i}`);
      await row(page, "acme/hello")
        .getByText(/^[1-9][\d.]*$/)
        .first()
        .waitFor();
      await check("overview");
      await link(page, "acme/hello").click();
      await page.getByRole("log").getByText("handling /19").first().waitFor();
      await check("endpoint");
      await page.getByRole("button", { name: "Change settings" }).click();
      await checkAccessibility(page, "settings");
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
