import { link, openEndpoint, type Scenarios } from "./scenario.ts";

/** Ways of calls, and starts of replicas. */
export const traces: Scenarios = {
  "a call is a waterfall with its log lines, from the list of its endpoint": async (t, stage) => {
    const { client } = stage;
    const requestId = `way-${Date.now()}`;
    await client.call("hello/way", requestId);
    const page = await openEndpoint(t, stage, "hello");
    await link(page, "GET /way").first().click();
    await page.locator("h1:focus").filter({ hasText: requestId }).waitFor();
    await page.getByRole("rowheader", { name: "function" }).waitFor();
    await page.getByRole("log").getByText("handling /way").waitFor();
    await page.keyboard.press("Escape");
    await page
      .locator("h1:focus")
      .filter({ hasText: client.name("hello") })
      .waitFor();
  },

  "failed calls have a list of their own, and any call is found by its request id": async (t, { client, pages }) => {
    const requestId = `failed/${Date.now()}`;
    await client.call("hello/fail", requestId);
    const page = await pages.signIn(t, client.server.adminToken);
    await link(page, "Calls").click();
    await page.getByLabel("Failed").check();
    await page.getByRole("table", { name: "Failed calls" }).or(page.getByLabel("Failed calls")).first().waitFor();
    await link(page, "GET /fail").first().waitFor();
    await page.getByLabel("Request id").fill("nothing");
    await page.getByRole("button", { name: "Find" }).click();
    await page.getByText("no call with this request id").waitFor();
    await page.getByLabel("Request id").fill(requestId);
    await page.getByLabel("Request id").press("Enter");
    await page.getByRole("log").getByText("this call fails").first().waitFor();
    await page.getByRole("rowheader", { name: "function" }).waitFor();
  },

  "a cold start shows its stages, in its call and among the recent starts": async (t, stage) => {
    const { client } = stage;
    const name = client.name("cold");
    await client.deploy(name, { replicas: 0 });
    const page = await openEndpoint(t, stage, "cold");
    await page.getByText("None since the server started.").first().waitFor();
    await client.call("cold/start");
    const start = page.getByRole("table", { name: /^Start of / });
    await start.getByRole("rowheader", { name: "ready" }).waitFor();
    await page.getByRole("cell", { name: "ready", exact: true }).waitFor();
    await link(page, "GET /start").click();
    await page.getByRole("rowheader", { name: "cold start" }).waitFor();
  },
};
