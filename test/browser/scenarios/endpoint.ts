import assert from "node:assert/strict";
import { pathOf } from "../server-under-test.ts";
import { link, openEndpoint, type Scenarios } from "./scenario.ts";

/** Deployments, revisions, settings, calls and logs of an endpoint. */
export const endpoint: Scenarios = {
  "a deployment is seen within a second": async (t, { client, pages }) => {
    const page = await pages.signIn(t, client.server.adminToken);
    await page.getByText("Live", { exact: true }).waitFor();
    await link(page, client.name("hello")).waitFor();
    await client.deploy(client.name("fresh"), { replicas: 0 });
    await link(page, client.name("fresh")).waitFor({ timeout: 1_000 });
    await client.changed("DELETE", pathOf(client.name("fresh")));
    await link(page, client.name("fresh")).waitFor({ state: "detached" });
  },

  "logs are followed, with filters for text and statuses": async (t, stage) => {
    const { client } = stage;
    const page = await openEndpoint(t, stage, "hello");
    const log = page.getByRole("log");
    await log.scrollIntoViewIfNeeded();
    await client.call("hello/first");
    await log.getByText("handling /first").waitFor();
    await client.call("hello/fail");
    await log.getByText(/GET \/fail 500/).waitFor();
    await page.getByLabel("Contains").fill("first");
    await log.getByText("handling /fail").waitFor({ state: "detached" });
    await log.getByText("handling /first").waitFor();
    await page.getByLabel("Contains").fill("");
    // Slower than the page changes: the field keeps what was typed.
    await page.getByLabel("Status of calls").pressSequentially("5xx", { delay: 600 });
    await log.getByText("handling /first").waitFor({ state: "detached" });
    await log.getByText(/GET \/fail 500/).waitFor();
    await client.call("hello/fail");
    await log
      .getByText(/GET \/fail 500/)
      .nth(1)
      .waitFor();
    await log
      .getByRole("link", { name: /^Trace of/ })
      .first()
      .click();
    await page.getByRole("rowheader", { name: "function" }).waitFor();
  },

  "the form calls the endpoint and shows the response with its timing": async (t, stage) => {
    const page = await openEndpoint(t, stage, "hello");
    await page.getByLabel("Path and query").fill("/items?limit=3");
    await page.getByRole("button", { name: "Call" }).click();
    await page.getByText("200 OK").waitFor();
    await page.getByText(/of it .*exec [\d.]+ ms/).waitFor();
    await page.getByLabel("Response").getByText('"limit": "3"').waitFor();
    await link(page, "Show its way").click();
    await page.getByRole("rowheader", { name: "function" }).waitFor();
  },

  "a failed deployment is explained, and settings are changed by a new revision": async (t, stage) => {
    const { client } = stage;
    const page = await openEndpoint(t, stage, "broken");
    await page.getByRole("alert").filter({ hasText: "no database" }).first().waitFor();
    await page.goto(`${client.server.url}/-/ui#/endpoints/${client.name("idle")}`);
    await page.getByRole("button", { name: "Change settings" }).click();
    await page.getByLabel("Timeout of a call").fill("7s");
    await page.getByRole("button", { name: "Deploy with these settings" }).click();
    await page.getByText("is being deployed").waitFor();
    const { body } = await client.send("GET", `${pathOf(client.name("idle"))}/settings`);
    assert.equal(body.settings.timeout, "7s");
  },

  "a rollback asks, and then the previous revision serves again": async (t, stage) => {
    const { client } = stage;
    const name = client.name("versions");
    const first = await client.deploy(name, { replicas: 0, timeout: "5s" });
    const second = await client.deploy(name, { timeout: "6s" });
    const page = await openEndpoint(t, stage, "versions");
    const button = page.getByRole("button", { name: `Roll back to ${first}` });
    await button.click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await button.click();
    await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
    await page.getByText(`Revision ${first} replaces ${second}`).waitFor();
    await page.getByRole("button", { name: `Roll back to ${second}` }).waitFor();
    assert.equal((await client.send("GET", pathOf(name))).body.revision, first);
  },

  "a split, a preview and a tag are shown, and a preview is promoted after a question": async (t, stage) => {
    const { client } = stage;
    const name = client.name("split");
    const old = await client.deploy(name, { replicas: 0, timeout: "5s" });
    const preview = await client.deploy(name, { timeout: "6s" }, { preview: { tag: "next", expires: "1h" } });
    const page = await openEndpoint(t, stage, "split");
    const row = (revision: string) => page.getByRole("row").filter({ hasText: revision });
    await row(preview).getByText("preview", { exact: true }).waitFor();
    assert.equal(await link(page, "next").getAttribute("href"), `${client.server.url}/${name}@next`);
    await client.changed("PUT", `${pathOf(name)}/split`, { shares: { [old]: 90, next: 10 }, sticky: "cookie" });
    await page.getByText("Callers stay at their revision, by a cookie.").waitFor();
    await row(old).getByRole("cell", { name: "90 %" }).waitFor();
    await row(preview).getByRole("cell", { name: "10 %" }).waitFor();
    await page.getByRole("button", { name: `Promote ${preview}` }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Promote" }).click();
    await page.getByText(`Revision ${preview} replaces ${old}`).waitFor();
    await row(preview).getByRole("cell", { name: "100 %" }).waitFor();
  },

  "everything can be done with the keyboard": async (t, { client, pages }) => {
    const page = await pages.open(t);
    await page.locator("input:focus").waitFor();
    await page.keyboard.type(client.server.adminToken);
    await page.keyboard.press("Enter");
    await link(page, client.name("hello")).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type(client.name(""));
    await link(page, `${client.server.otherOrg}/hidden`).waitFor({ state: "detached" });
    const isFocused = (name: string) => page.locator("a:focus").filter({ hasText: name }).count();
    for (let tabs = 0; tabs < 6 && (await isFocused(client.name("broken"))) === 0; tabs++)
      await page.keyboard.press("Tab");
    await page
      .locator("a:focus")
      .filter({ hasText: client.name("broken") })
      .waitFor();
    for (const name of ["broken", "hello"]) {
      await page
        .locator("a:focus")
        .filter({ hasText: client.name(name) })
        .waitFor();
      await page.keyboard.press(name === "hello" ? "Enter" : "ArrowDown");
    }
    await page
      .locator("h1:focus")
      .filter({ hasText: client.name("hello") })
      .waitFor();
    await page.keyboard.press("Escape");
    await link(page, client.name("hello")).waitFor();
  },
};
