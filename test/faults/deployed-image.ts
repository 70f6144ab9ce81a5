import assert from "node:assert/strict";
import { type FaasProcess, HttpClient } from "@faas/testing";

/** Deploys a small function as acme/first, and returns the name of its artifact for `POST /add_endpoint`. */
export async function deployedImage(faas: FaasProcess): Promise<string> {
  const server = await faas.up();
  const { code, stderr } = await faas.deploy("first", { "index.mjs": "export const handler = () => 'here';\n" });
  assert.equal(code, 0, stderr);
  using client = new HttpClient(server.url);
  const { image } = await client.json<{ image: string }>("GET", "/-/orgs/acme/endpoints/first");
  await faas.kill(server, "SIGTERM");
  return image;
}
