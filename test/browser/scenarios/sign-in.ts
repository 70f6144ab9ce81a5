import assert from "node:assert/strict";
import { link, type Scenarios } from "./scenario.ts";

/** Keys of each scope, and the end of a session. */
export const signIn: Scenarios = {
  "a key that is not valid is rejected in words, and the form stays": async (t, { pages }) => {
    const page = await pages.open(t);
    await page.getByLabel("Key", { exact: true }).fill("faas_read_nothing");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").filter({ hasText: "does not accept this key" }).waitFor();
    assert.ok(await page.getByLabel("Key", { exact: true }).isVisible());
  },

  "an admin sees all organizations, the gateways, keys and the audit trail": async (t, { client, pages }) => {
    const page = await pages.signIn(t, client.server.adminToken);
    for (const name of [client.name("hello"), client.name("idle"), `${client.server.otherOrg}/hidden`])
      await link(page, name).waitFor();
    await link(page, "Server").click();
    for (const name of ["Gateways", "Organizations", "Keys", "Audit trail"])
      await page.getByRole("heading", { name, exact: true }).waitFor();
  },

  "a key of an organization sees this one only; deploy may change settings, read may not call": async (t, stage) => {
    const { client, pages } = stage;
    const { url, org, otherOrg } = client.server;
    const deployer = await pages.signIn(t, await client.key("deploy"));
    await link(deployer, client.name("hello")).waitFor();
    assert.equal(await link(deployer, `${otherOrg}/hidden`).count(), 0);
    await link(deployer, "Organization").click();
    await deployer.getByRole("heading", { name: "Limits" }).waitFor();
    for (const name of ["Gateways", "Keys", "Audit trail"])
      assert.equal(await deployer.getByRole("heading", { name, exact: true }).count(), 0, name);
    await deployer.goto(`${url}/-/ui#/endpoints/${org}/hello`);
    await deployer.getByRole("button", { name: "Change settings" }).waitFor();

    const reader = await pages.signIn(t, await client.key("read"));
    await link(reader, client.name("hello")).click();
    await reader.getByRole("heading", { name: "Logs" }).waitFor();
    for (const name of ["Change settings", "Call"]) assert.equal(await reader.getByRole("button", { name }).count(), 0);
    await client.call("hello/seen-by-readers");
    await link(reader, "Calls").click();
    await link(reader, "GET /seen-by-readers").first().waitFor();
  },

  "a key that may only call endpoints gets a form for that": async (t, { client, pages }) => {
    const page = await pages.signIn(t, await client.key("invoke"));
    await page.getByLabel(`Endpoint of ${client.server.org}`).fill("hello");
    await page.getByRole("button", { name: "Call" }).click();
    await page.getByText("200 OK").waitFor();
    assert.equal(await page.getByRole("navigation").count(), 0);
  },

  "a key is kept over a reload only when the user asks for it": async (t, { client, pages }) => {
    const page = await pages.signIn(t, client.server.adminToken);
    await page.reload();
    await page.getByLabel("Keep it until this tab is closed").check();
    await page.getByLabel("Key", { exact: true }).fill(client.server.adminToken);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    await page.reload();
    await link(page, client.name("hello")).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.reload();
    await page.getByLabel("Key", { exact: true }).waitFor();
  },

  "a revoked key ends the session": async (t, { client, pages }) => {
    const keys = `/-/orgs/${client.server.org}/keys`;
    const { id, token } = await client.changed("POST", keys, { scope: "read" });
    const page = await pages.signIn(t, token);
    await page.getByText("Live", { exact: true }).waitFor();
    await client.changed("DELETE", `${keys}/${id}`);
    await page.getByRole("alert").waitFor();
    assert.ok(await page.getByLabel("Key", { exact: true }).isVisible());
  },

  "a key is created, shown once, and revoked after a question": async (t, { client, pages }) => {
    const page = await pages.signIn(t, client.server.adminToken);
    await link(page, "Server").click();
    const form = page.locator("form").filter({ has: page.getByLabel("Expires after") });
    await form.getByLabel("Organization").selectOption(client.server.org);
    await form.getByLabel("Scope").selectOption("deploy");
    await form.getByLabel("Name").fill("browser");
    await form.getByRole("button", { name: "Create" }).click();
    const token = (await page.locator(".token code").textContent()) ?? "";
    const whoami = () => client.send("GET", "/-/whoami", undefined, token);
    assert.equal((await whoami()).body.name, "browser");
    await page.getByRole("button", { name: "Revoke browser" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    assert.equal((await whoami()).status, 200);
    await page.getByRole("button", { name: "Revoke browser" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("button", { name: "Revoke browser" }).waitFor({ state: "detached" });
    assert.equal((await whoami()).status, 401);
  },
};
