import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Problem } from "@faas/core";
import { ClusterServer } from "../cluster-server.ts";
import { eventuallyHolds } from "../eventually.ts";

/** Functions that write more than their disk limit. */

/** Writes 64 MiB and waits: the kubelet measures volumes once per minute. */
const SOURCE = `import { writeFileSync } from "node:fs";
export const handler = async ({ path }) => {
  if (path !== "/fill") return "fine";
  for (let i = 0; i < 16; i++) writeFileSync("/tmp/" + i, Buffer.alloc(2 ** 22));
  await new Promise((resolve) => setTimeout(resolve, 140_000));
};
`;

const FILL_MS = 150_000;

const server = await ClusterServer.start();
after(() => server[Symbol.asyncDispose]());

test("a function that fills its disk ends alone, the call says why, and its endpoint comes back", async () => {
  const image = await server.instance.image(SOURCE);
  const [key, other] = [`${server.org()}/x`, `${server.org()}/x`];
  await server.serve(key, image, { replicas: 1, disk: "32Mi", timeout: "3m" });
  await server.serve(other, image, { replicas: 1, disk: "128Mi" });
  const namesOf = async (key: string) => (await server.pods(key)).map(({ metadata }) => metadata?.name);
  const [before] = await namesOf(key);
  const untouched = await namesOf(other);

  const response = await server.request(`${key}/fill`, { signal: AbortSignal.timeout(FILL_MS) });
  const problem = (await response.json()) as Problem;
  assert.deepEqual([response.status, problem.code], [502, "OUT_OF_DISK"], problem.detail);
  assert.match(problem.detail, /used more than its disk limit of 32Mi; deploy it with a larger --disk/);
  assert.equal(await server.text(key), "fine");
  await eventuallyHolds(
    "the evicted pod is gone",
    () => namesOf(key),
    (names) => names.length === 1 && names[0] !== before,
  );
  assert.deepEqual(await namesOf(other), untouched);
});
