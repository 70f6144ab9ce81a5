import { readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { NatsServer, tempDir } from "@faas/testing";
import { root } from "../repository/source-files.ts";
import { runPage } from "../tutorials/page.ts";

test("the commands of docs/nats-sources.md print what the page shows", async (t) => {
  await using nats = await NatsServer.start();
  const programs = tempDir("nats-client");
  const client = join(root, "packages/server/src/testing/nats-client.ts");
  writeFileSync(join(programs, "nats"), `#!/bin/sh\nexec "${process.execPath}" "${client}" "$@"\n`, { mode: 0o755 });
  const before = { PATH: process.env.PATH, NATS_URL: process.env.NATS_URL };
  t.after(() => Object.assign(process.env, before));
  Object.assign(process.env, { PATH: `${programs}${delimiter}${before.PATH}`, NATS_URL: nats.url });
  const page = readFileSync(join(root, "docs/nats-sources.md"), "utf8");
  await runPage(page.replaceAll("nats://127.0.0.1:4222", nats.url));
});
