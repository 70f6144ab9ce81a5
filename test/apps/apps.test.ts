import assert from "node:assert/strict";
import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ServerUnderTest } from "../platform/server-under-test.ts";
import { apps, folderOf } from "./apps.ts";
import { DeployedApp } from "./deployed-app.ts";

/** `FAAS_TEST_APPS=all` deploys all applications. */
const all = process.env.FAAS_TEST_APPS === "all";

describe("unmodified applications on one machine", () => {
  let under: ServerUnderTest;
  before(async () => {
    under = await ServerUnderTest.start();
  });
  after(() => under[Symbol.asyncDispose]());

  for (const app of apps.filter(({ quick }) => all || quick))
    test(app.name, async () => {
      const folder = join(under.faas.folder, "apps", app.name);
      await cp(folderOf(app), folder, { recursive: true });
      await app.prepare?.(folder);
      const files = await readdir(folder, { recursive: true });
      const { code, stderr } = await under.run("deploy", folder, "--org", "acme", "--endpoint", app.name);
      assert.equal(code, 0, stderr);
      assert.ok(stderr.includes(app.description), stderr);
      assert.deepEqual(await readdir(folder, { recursive: true }), files, "the deployment changed the folder");
      await app.check(new DeployedApp(`${under.url}/acme/${app.name}`));
    });
});
