import assert from "node:assert/strict";
import { link, type Scenarios } from "./scenario.ts";

/** Pages that lose their server. */
export const connection: Scenarios = {
  "a page that lost its server says so, and has all changes when it is back": async (t, { client, pages }) => {
    const { server } = client;
    const deploy = (name: string) => client.deploy(client.name(name), { replicas: 0 });
    await deploy("before");
    const page = await pages.signIn(t, server.adminToken);
    await link(page, client.name("before")).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await server.stop();
    await page.getByText("Offline, trying again").waitFor();
    assert.ok(await link(page, client.name("before")).isVisible());
    await server.start();
    await deploy("meanwhile");
    await page.getByText("Live", { exact: true }).waitFor();
    await link(page, client.name("meanwhile")).waitFor();
    await deploy("afterwards");
    await link(page, client.name("afterwards")).waitFor();
  },
};
