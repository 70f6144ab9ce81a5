import assert from "node:assert/strict";
import type { FaasProcess } from "@faas/testing";

/** What `POST /add_endpoint` calls the artifact of a small function, which is there as acme/first. */
export async function deployedImage(faas: FaasProcess): Promise<string> {
  const server = await faas.up();
  const { code, stderr } = await faas.deploy("first", { "index.mjs": "export const handler = () => 'here';\n" });
  assert.equal(code, 0, stderr);
  const { image } = (await (await fetch(`${server.url}/-/orgs/acme/endpoints/first`)).json()) as { image: string };
  await faas.kill(server, "SIGTERM");
  return image;
}
