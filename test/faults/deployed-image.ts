import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { type FaasProcess, HttpClient, tempDir } from "@faas/testing";
import { ServerUnderTest } from "../platform/server-under-test.ts";

/** Data folder of a stopped server with one endpoint, acme/first. */
interface Deployed {
  readonly folder: string;
  /** Name of the endpoint's artifact for `POST /add_endpoint`. */
  readonly image: string;
}

let deployed: Promise<Deployed> | undefined;

/**
 * Gives a process that has not started a server the data folder of one with a small function, acme/first. Returns the name of its artifact for
 * `POST /add_endpoint`.
 */
export async function deployedImage(faas: FaasProcess): Promise<string> {
  deployed ??= deploy();
  const { folder, image } = await deployed;
  await cp(folder, faas.data, { recursive: true });
  return image;
}

async function deploy(): Promise<Deployed> {
  await using under = await ServerUnderTest.start({ args: ["--pool-size", "0"] });
  const { code, stderr } = await under.deploy("first", { "index.mjs": "export const handler = () => 'here';\n" });
  assert.equal(code, 0, stderr);
  using client = new HttpClient(under.url);
  const { image } = await client.json<{ image: string }>("GET", "/-/orgs/acme/endpoints/first");
  await under.faas.kill(under.server, "SIGTERM");
  const folder = tempDir("deployed");
  await cp(under.faas.data, folder, { recursive: true });
  return { folder, image };
}
