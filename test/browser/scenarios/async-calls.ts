import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { eventually } from "@faas/testing";
import type { Locator, Page } from "playwright-core";
import type { Client } from "../server-under-test.ts";
import { link, openEndpoint, type Scenarios, type Stage } from "./scenario.ts";

const FAILING = { replicas: 0, async: { attempts: 2, backoff: "1ms" } };

/** Sends an asynchronous call to an endpoint of the organization, and returns its id. */
export async function callAsync(client: Client, path: string, headers: Record<string, string> = {}): Promise<string> {
  const { url, org, adminToken } = client.server;
  const response = await fetch(`${url}/${org}/${path}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${adminToken}`, Prefer: "respond-async", ...headers },
  });
  assert.equal(response.status, 202);
  return ((await response.json()) as { id: string }).id;
}

const callPath = ({ server }: Client, id: string) => `/-/orgs/${server.org}/calls/${id}`;

/** Waits until a call has a state. */
export const untilState = (client: Client, id: string, state: string) =>
  eventually(`${id} is ${state}`, async () => (await client.send("GET", callPath(client, id))).body.state === state);

/** Deploys a function whose calls to `/fail` fail, and sends some. */
async function prepareFailed(client: Client, endpoint: string, count: number): Promise<string[]> {
  await client.deploy(client.name(endpoint), FAILING);
  await client.untilPhase(client.name(endpoint), "idle");
  const ids = await Promise.all(Array.from({ length: count }, () => callAsync(client, `${endpoint}/fail`)));
  for (const id of ids) await untilState(client, id, "failed");
  return ids;
}

/** Opens the page of a call. */
async function openCall(t: TestContext, { client, pages }: Stage, id: string, token: string): Promise<Page> {
  const page = await pages.signIn(t, token);
  await page.goto(`${client.server.url}/-/ui#/async-calls/${client.server.org}/${id}`);
  await page.getByRole("heading", { name: `Asynchronous call ${id}` }).waitFor();
  return page;
}

const state = (page: Page, name: string): Locator => page.locator("h1").getByText(name, { exact: true });
const rows = (page: Page): Locator => page.getByLabel("Asynchronous calls", { exact: true }).locator("tbody tr");

/** Asynchronous calls: their list, deliveries and responses, and what a key may do with them. */
export const asyncCalls: Scenarios = {
  "asynchronous calls of an endpoint are counted by state, and a filter shows the failed ones": async (t, stage) => {
    const { client } = stage;
    const [failed = ""] = await prepareFailed(client, "mixed", 1);
    const done = await callAsync(client, "mixed/fine");
    await untilState(client, done, "completed");
    const page = await openEndpoint(t, stage, "mixed");
    await link(page, done).waitFor();
    await page.getByText("attempts=2,backoff=1ms").waitFor();
    await page.getByLabel("Failed 1").check();
    await link(page, done).waitFor({ state: "detached" });
    await link(page, "All asynchronous calls of mixed").click();
    await page.locator("h1:focus").filter({ hasText: "Asynchronous calls" }).waitFor();
    await link(page, failed).waitFor();
    assert.equal(await rows(page).count(), 1);
    // The URL has the choice.
    await page.getByLabel("Completed 1").check();
    await link(page, done).waitFor();
    await page.waitForURL(/state=completed/);
    assert.equal(await rows(page).count(), 1);
  },

  "the list has a page of earlier calls": async (t, stage) => {
    const { client } = stage;
    await client.deploy(client.name("paged"), { replicas: 0 });
    await client.untilPhase(client.name("paged"), "idle");
    const first = await callAsync(client, "paged/x", { "X-Faas-Delay": "1h" });
    for (let i = 0; i < 50; i++) await callAsync(client, "paged/x", { "X-Faas-Delay": "1h" });
    const page = await openEndpoint(t, stage, "paged");
    await link(page, "All asynchronous calls of paged").click();
    await page.getByLabel("Waiting 51").waitFor();
    await link(page, "Earlier").click();
    await link(page, first).waitFor();
    assert.equal(await rows(page).count(), 1);
    await link(page, "Newest").click();
    await link(page, first).waitFor({ state: "detached" });
    assert.equal(await rows(page).count(), 50);
  },

  "a failed call shows its response and its deliveries, each with its log lines": async (t, stage) => {
    const { client } = stage;
    const [id = ""] = await prepareFailed(client, "errors", 1);
    const page = await openCall(t, stage, id, client.server.adminToken);
    await state(page, "failed").waitFor();
    await page.getByText("POST /fail").waitFor();
    const deliveries = page.getByLabel("Deliveries").locator("tbody tr");
    await deliveries.nth(1).waitFor();
    for (const row of await deliveries.all()) assert.match((await row.textContent()) ?? "", /500/);
    await page.getByLabel("Body of the response").getByText("this call fails").waitFor();
    await link(page, `${id}.2`).click();
    await page.getByRole("log").getByText("handling /fail").first().waitFor();
  },

  "a call that waits shows the time of its next delivery, and is delivered now": async (t, stage) => {
    const { client } = stage;
    await client.deploy(client.name("later"), { replicas: 0 });
    await client.untilPhase(client.name("later"), "idle");
    const id = await callAsync(client, "later/soon", { "X-Faas-Delay": "1h" });
    const page = await openCall(t, stage, id, client.server.adminToken);
    await state(page, "waiting").waitFor();
    const nextDelivery = page.locator("dl div").filter({ hasText: "Next delivery" }).locator("time");
    const at = (await nextDelivery.getAttribute("datetime")) ?? "";
    assert.ok(Date.parse(at) > Date.now() + 3_000_000, at);
    await page.getByRole("button", { name: "Deliver now" }).click();
    await state(page, "completed").waitFor();
    await page.getByLabel("Body of the response").getByText('"path": "/soon"').waitFor();
  },

  "a retried call completes after its cause is gone": async (t, stage) => {
    const { client } = stage;
    const [id = ""] = await prepareFailed(client, "repaired", 1);
    const page = await openCall(t, stage, id, client.server.adminToken);
    await state(page, "failed").waitFor();
    await client.deployFixed(client.name("repaired"), FAILING);
    await page.getByRole("button", { name: "Retry" }).click();
    await page.getByText("It is delivered now.").waitFor();
    await state(page, "completed").waitFor();
    await page.getByLabel("Body of the response").getByText("fixed").waitFor();
    assert.equal(await page.getByRole("button", { name: "Retry" }).count(), 0);
  },

  "all failed calls of an endpoint are retried at once": async (t, stage) => {
    const { client } = stage;
    const ids = await prepareFailed(client, "many", 5);
    await client.deployFixed(client.name("many"), FAILING);
    const page = await openEndpoint(t, stage, "many");
    await page.getByRole("button", { name: "Retry all failed" }).click();
    await page.getByText("5 calls are delivered again.").waitFor();
    for (const id of ids) await untilState(client, id, "completed");
    await page.getByLabel("Completed 5").waitFor();
  },

  "retrying all failed calls can be stopped": async (t, stage) => {
    const { client } = stage;
    await prepareFailed(client, "stopped", 8);
    const page = await openEndpoint(t, stage, "stopped");
    // The first ones wait for the user, who stops them.
    const { promise: isStopped, resolve: onStopped } = Promise.withResolvers<void>();
    let retried = 0;
    await page.route("**/retry", async (route) => {
      retried++;
      await isStopped;
      await route.continue();
    });
    await page.getByRole("button", { name: "Retry all failed" }).click();
    await page.getByText("0 of 8 retried").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    onStopped();
    await page.getByText(/\d calls are delivered again; stopped/).waitFor();
    assert.ok(retried < 8, String(retried));
  },

  "a call is dropped after a question": async (t, stage) => {
    const { client } = stage;
    const [id = ""] = await prepareFailed(client, "dropped", 1);
    const page = await openCall(t, stage, id, client.server.adminToken);
    const drop = page.getByRole("button", { name: "Drop" });
    await drop.click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    assert.equal((await client.send("GET", callPath(client, id))).status, 200);
    await drop.click();
    await page.getByRole("dialog").getByRole("button", { name: "Drop" }).click();
    await page.getByText("it was removed").waitFor();
    assert.equal((await client.send("GET", callPath(client, id))).status, 404);
  },

  "rows of the list stay in their place while the pointer is on one, and the numbers change": async (t, stage) => {
    const { client, pages } = stage;
    await client.deploy(client.name("pointed"), { replicas: 0 });
    await client.untilPhase(client.name("pointed"), "idle");
    const id = await callAsync(client, "pointed/x", { "X-Faas-Delay": "1h" });
    const page = await pages.signIn(t, client.server.adminToken);
    await page.clock.install();
    await page.goto(`${client.server.url}/-/ui#/async-calls?org=${client.server.org}&endpoint=pointed`);
    await page.getByLabel("Waiting 1").waitFor();
    await link(page, id).hover();
    await callAsync(client, "pointed/x", { "X-Faas-Delay": "1h" });
    await page.clock.runFor(6_000);
    await page.getByLabel("Waiting 2").waitFor();
    assert.equal(await rows(page).count(), 1);
    await page.mouse.move(0, 0);
    await page.clock.runFor(6_000);
    await rows(page).nth(1).waitFor();
  },

  "a call is read again every few seconds, but not while the page is hidden": async (t, stage) => {
    const { client, pages } = stage;
    const [id = ""] = await prepareFailed(client, "unseen", 1);
    const page = await pages.signIn(t, client.server.adminToken);
    await page.clock.install();
    await page.goto(`${client.server.url}/-/ui#/async-calls/${client.server.org}/${id}`);
    await state(page, "failed").waitFor();
    const show = (state: string) =>
      page.evaluate(`Object.defineProperty(document, "visibilityState", { value: "${state}", configurable: true })`);
    let reads = 0;
    page.on("request", (request) => {
      if (request.url().endsWith(callPath(client, id))) reads++;
    });
    await show("hidden");
    await page.clock.runFor(30_000);
    assert.equal(reads, 0);
    await show("visible");
    await page.clock.runFor(30_000);
    assert.ok(reads >= 10, String(reads));
  },

  "a key with the scope read sees calls, and no buttons that change them": async (t, stage) => {
    const { client, pages } = stage;
    const [id = ""] = await prepareFailed(client, "seen", 1);
    const page = await pages.signIn(t, await client.key("read"));
    await link(page, "Async calls").click();
    await page.getByLabel("Endpoint").selectOption("seen");
    await page.getByLabel("Failed 1").check();
    assert.equal(await page.getByRole("button", { name: "Retry all failed" }).count(), 0);
    await link(page, id).click();
    await page.getByLabel("Body of the response").waitFor();
    for (const name of ["Retry", "Drop"]) assert.equal(await page.getByRole("button", { name }).count(), 0, name);
    await page.keyboard.press("Escape");
    await page.locator("h1:focus").filter({ hasText: "Asynchronous calls" }).waitFor();
  },

  "markup in a response is shown as text": async (t, stage) => {
    const { client } = stage;
    await client.deploy(client.name("markup"), { replicas: 0 });
    await client.untilPhase(client.name("markup"), "idle");
    const id = await callAsync(client, "markup/html");
    await untilState(client, id, "completed");
    const page = await openCall(t, stage, id, client.server.adminToken);
    await page.getByLabel("Body of the response").getByText("<h1>not a heading</h1>", { exact: true }).waitFor();
    await page.getByText("200, 22 bytes, text/html").waitFor();
    assert.equal(await page.getByRole("heading", { name: "not a heading" }).count(), 0);
  },
};
