import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { FaasProcess } from "@faas/testing";
import { apps, folderOf } from "../../apps/apps.ts";
import { DeployedApp } from "../../apps/deployed-app.ts";
import { ClusterServer } from "../cluster-server.ts";

describe("unmodified applications on Kubernetes", { concurrency: 3 }, () => {
  const faas = new FaasProcess();
  let server: ClusterServer;
  let org: string;
  before(async () => {
    server = await ClusterServer.start();
    org = server.org();
    faas.env.FAAS_SERVER = server.url;
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await faas[Symbol.asyncDispose]();
  });

  for (const app of apps)
    test(app.name, async () => {
      const folder = join(faas.folder, "apps", app.name);
      await cp(folderOf(app), folder, { recursive: true });
      await app.prepare?.(folder);
      const { code, stderr } = await faas.run(["deploy", folder, "--org", org, "--endpoint", app.name]);
      assert.equal(code, 0, stderr);
      assert.ok(stderr.includes(app.description), stderr);
      await app.check(new DeployedApp(`${server.url}/${org}/${app.name}`));
      // Makes room for the others within the limits of an organization.
      const { status } = await server.send("DELETE", `/-/orgs/${org}/endpoints/${app.name}`);
      assert.ok(status < 300, `${app.name} was not removed: ${status}`);
    });
});
