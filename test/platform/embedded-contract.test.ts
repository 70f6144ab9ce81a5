import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { type Language, languages } from "@faas/core";
import { eventually } from "@faas/testing";
import { type PlatformUnderTest, platformContract } from "./contract.ts";
import { type EmbeddedUnderTest, pidOf, specOf, startPlatform } from "./embedded-under-test.ts";
import { prewarmedProcesses } from "./prewarmed-processes.ts";

let organizations = 0;

/** Returns a view of a shared platform with its own organization. */
function organizationOf(shared: EmbeddedUnderTest): PlatformUnderTest {
  const org = `org-${++organizations}`;
  return {
    platform: shared.platform,
    logs: shared.logs,
    org,
    artifact: shared.artifact,
    kill: async (replica) => {
      process.kill(await pidOf(shared, replica), "SIGKILL");
    },
    [Symbol.asyncDispose]: () => shared.platform.removeOrg(org),
  };
}

describe("embedded without a pool", () => {
  let shared: EmbeddedUnderTest;
  before(async () => {
    shared = await startPlatform();
  });
  after(() => shared[Symbol.asyncDispose]());

  for (const language of languages)
    platformContract(`embedded, without a pool, running ${language},`, async () => organizationOf(shared), language);
});

describe("embedded with a pool", () => {
  let shared: EmbeddedUnderTest;
  const claimed = new Set<Language>();
  before(async () => {
    shared = await startPlatform({ poolSize: 2 });
    // The pool is refilled while an endpoint could use it.
    for (const runtime of languages)
      await shared.platform.apply(specOf("keeper", runtime, await shared.artifact("", runtime), { runtime }));
  });
  after(async () => {
    await shared[Symbol.asyncDispose]();
    assert.deepEqual([...claimed].sort(), [...languages].sort(), "languages whose replicas used a prewarmed process");
  });

  for (const language of languages) {
    const setup = async (): Promise<PlatformUnderTest> => {
      const organization = organizationOf(shared);
      return {
        ...organization,
        prewarmed: async () => {
          await eventually(
            "a prewarmed process waits",
            () => prewarmedProcesses(shared.dataDir, "waiting", language).length > 0,
          );
        },
        async [Symbol.asyncDispose]() {
          if (prewarmedProcesses(shared.dataDir, "claimed", language).length > 0) claimed.add(language);
          await organization[Symbol.asyncDispose]();
        },
      };
    };
    platformContract(`embedded, with a pool, running ${language},`, setup, language);
  }
});
