import assert from "node:assert/strict";
import { after, test } from "node:test";
import { PagesUnderTest } from "../../browser/page-under-test.ts";
import { scenarios } from "../../browser/scenarios/all.ts";
import { link, testScenarios } from "../../browser/scenarios/scenario.ts";
import { Client, prepare } from "../../browser/server-under-test.ts";
import { InstalledServer } from "./installed-server.ts";

/** The web page of an installation: its files and streams come through gateways, and replicas are pods. */

const server = await InstalledServer.create();
after(() => server[Symbol.asyncDispose]());
const client = new Client(server);
const pages = await PagesUnderTest.start(server.url);
await prepare(client);

test("gateways require a key", async () => {
  for (const path of ["/-/whoami", "/-/orgs", `/${client.name("hello")}`])
    assert.equal((await fetch(server.url + path)).status, 401, path);
});

test("the gateways are listed with their state", async (t) => {
  const page = await pages.signIn(t, server.adminToken);
  await link(page, "Server").click();
  await page.getByRole("cell", { name: "linked", exact: true }).nth(1).waitFor();
  assert.equal(await page.getByRole("cell", { name: /^faas-gateway-/ }).count(), 2);
});

testScenarios(scenarios, { client, pages });
