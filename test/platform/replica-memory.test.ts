import { test } from "node:test";
import { queryObjects } from "node:v8";
import { eventually } from "@faas/testing";
import { ReplicaProcess } from "../../packages/platforms/src/embedded/replica-process.ts";
import { apply, startPlatform, until } from "./embedded-under-test.ts";

// In a file of its own: it counts the replicas of the whole process.
test("the embedded platform does not retain ended replicas: six deployments in sequence", async () => {
  await using under = await startPlatform();
  for (let version = 1; version <= 6; version++) {
    const { revision } = await apply(under, `export const handler = () => ${version};`, { replicas: 1 });
    await under.platform.scale({ org: under.org, endpoint: "x" }, 1);
    const isCurrent = (each: { ready: boolean; revision: string }) => each.ready && each.revision === revision;
    await until(under, ({ replicas }) => replicas.length === 1 && replicas.every(isCurrent));
  }
  // One serves, and one may still be draining.
  await eventually("at most two replicas", () => queryObjects(ReplicaProcess, { format: "count" }) <= 2, {
    intervalMs: 100,
  });
});
