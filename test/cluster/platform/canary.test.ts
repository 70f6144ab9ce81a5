import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { EndpointView } from "@faas/core";
import { ClusterServer } from "../cluster-server.ts";

/** Canaries, whose revisions are Deployments of their own. */

const server = await ClusterServer.start();
after(() => server[Symbol.asyncDispose]());

const CODE = `
if (process.env.LOAD_ERROR) throw new Error(process.env.LOAD_ERROR);
export const handler = () => {
  if (process.env.CALL_ERROR) throw new Error(process.env.CALL_ERROR);
  return process.env.FAAS_REVISION;
};
`;
const canary = { steps: [50, 100], every: "1s", maxErrorRate: 20, maxP95: 100 };

test("a good revision gets all calls, and one that fails or does not load goes back", async () => {
  const key = `${server.org()}/x`;
  const path = `/-/orgs/${key.replace("/", "/endpoints/")}`;
  const image = await server.instance.image(CODE);
  const settings = { keepWarm: "0s", cpu: "500m" };
  const { revision: old } = await server.serve(key, image, settings);

  /** Deploys a canary, makes calls until it has ended, and returns the endpoint afterwards. */
  const endOf = async (env: Readonly<Record<string, string>>): Promise<[revision: string, after: EndpointView]> => {
    const { status, body } = await server.send("PUT", path, { settings: { env }, canary });
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.canary, true);
    let isEnded = false;
    const calls = async () => {
      while (!isEnded) await server.call(key);
    };
    const ended = server.send("GET", `${path}?wait=${body.revision}&timeout=120s`).finally(() => {
      isEnded = true;
    });
    const [view] = await Promise.all([ended, calls(), calls()]);
    return [body.revision, view.body];
  };

  const [, failed] = await endOf({ CALL_ERROR: "planned" });
  assert.deepEqual([failed.revision, failed.canary?.state, failed.traffic], [old, "rolled-back", undefined]);
  assert.match(failed.canary?.detail ?? "", /^\d+ % of \d+ calls failed/);
  const [, broken] = await endOf({ LOAD_ERROR: "no database" });
  assert.match(broken.canary?.detail ?? "", /FUNCTION_LOAD_FAILED.*no database/);
  const [next, good] = await endOf({ VALUE: "2" });
  assert.deepEqual([good.revision, good.canary?.state], [next, "promoted"], good.canary?.detail);
  assert.equal(await server.text(key), next);
});
