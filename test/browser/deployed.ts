import assert from "node:assert/strict";
import { eventually } from "@faas/testing";
import { digestOf, functionBundle, type TestControl } from "../../packages/server/src/testing/test-control.ts";

const bundle = await functionBundle(`export const handler = ({ path, query }) => {
  console.log("handling " + path);
  if (path === "/fail") throw new Error("this call fails");
  return { path, query };
};
`);
const broken = await functionBundle("throw new Error('no database');\n");

/** Deploys a function that answers with the path of its request; resolves with the revision when the deployment is accepted. */
export async function deploy(server: TestControl, key: string, settings: object = {}, tar = bundle): Promise<string> {
  const [org = "", endpoint = ""] = key.split("/");
  await server.send("PUT", `/-/orgs/${org}`);
  const uploaded = await server.upload(tar);
  assert.ok(uploaded.status < 300, JSON.stringify(uploaded.body));
  const artifact = { kind: "bundle", digest: digestOf(tar) };
  const { status, body } = await server.send("PUT", `/-/orgs/${org}/endpoints/${endpoint}`, { artifact, settings });
  assert.ok(status < 300, JSON.stringify(body));
  return body.revision;
}

/** Deploys a function that does not load. */
export const deployBroken = (server: TestControl, key: string): Promise<string> => deploy(server, key, {}, broken);

/** Waits until an endpoint has a phase. */
export const untilPhase = (server: TestControl, key: string, phase: string): Promise<unknown> =>
  eventually(`${key} is ${phase}`, async () => {
    const { body } = await server.send("GET", `/-/orgs/${key.replace("/", "/endpoints/")}`);
    return body.phase === phase;
  });

/** Calls an endpoint with the admin key. */
export const call = (server: TestControl, path: string): Promise<Response> =>
  fetch(server.url + path, { headers: { Authorization: `Bearer ${server.adminToken}` } });
