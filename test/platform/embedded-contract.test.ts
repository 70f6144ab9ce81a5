import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { languages } from "@faas/core";
import { platformContract } from "./contract.ts";
import { type EmbeddedUnderTest, prewarmed, python, setUp, specOf } from "./embedded-under-test.ts";

for (const runtime of languages) {
  platformContract(`embedded, with ${runtime} functions in processes of their own,`, () => setUp({ python }), runtime);
  describe(`${runtime} functions with a pool`, () => {
    let shared: EmbeddedUnderTest;
    let orgs = 0;
    let claimed = 0;

    before(async () => {
      shared = await setUp({ python, poolSize: 2 });
      // Keeps the pool filled between the tests.
      await shared.platform.apply(specOf("keeper", "x", await shared.artifact("", runtime), { runtime }));
    });
    after(async () => {
      await shared[Symbol.asyncDispose]();
      assert.ok(claimed > 0, "no replica was started in a prewarmed process");
    });
    platformContract(
      `embedded, with ${runtime} functions in prewarmed processes,`,
      async () => {
        const org = `org-${++orgs}`;
        return {
          platform: shared.platform,
          logs: shared.logs,
          org,
          artifact: shared.artifact,
          kill: shared.kill,
          async prewarmed() {
            for (const limit = Date.now() + 20_000; prewarmed().waiting.length === 0; await delay(20))
              assert.ok(Date.now() < limit, "no prewarmed process waits");
          },
          async [Symbol.asyncDispose]() {
            claimed += prewarmed().claimed.length;
            await shared.platform.removeOrg(org);
          },
        };
      },
      runtime,
    );
  });
}
