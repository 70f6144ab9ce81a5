import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FaasError, type Language, type LogLine, type Replica } from "@faas/core";
import { CONTRACT_FUNCTIONS, type ContractFunctions } from "./contract-functions.ts";
import { Harness, type PlatformUnderTest } from "./contract-harness.ts";

export type { PlatformUnderTest } from "./contract-harness.ts";

type Property = (name: string, body: (h: Harness) => Promise<void>) => void;

/** Tests what every platform does (packages/core/src/endpoints/platform.ts), only through its interface and the addresses of its replicas. */
export function platformContract(
  name: string,
  setup: () => Promise<PlatformUnderTest>,
  language: Language = "node",
): void {
  describe(`the ${name} platform`, { concurrency: 4 }, () => {
    const property: Property = (what, body) =>
      test(what, async () => {
        await using under = await setup();
        const harness = new Harness(under, language);
        try {
          await body(harness);
        } finally {
          harness.end();
        }
      });
    for (const group of [scaling, rollouts, failures, logs, removal, secrets])
      group(property, CONTRACT_FUNCTIONS[language]);
  });
}

function scaling(property: Property, { responds }: ContractFunctions): void {
  property("starts no replica before an endpoint is scaled, and then one that responds", async (h) => {
    const spec = await h.apply("x", responds("one"));
    assert.deepEqual((await h.until("x", (status) => status.revision === spec.revision)).replicas, []);
    await h.platform.scale(spec, 1);
    assert.equal(await h.call("x", await h.ready("x", 1)), "one");
  });

  property("scales up, down and to zero, and keeps the endpoint", async (h) => {
    const spec = await h.apply("x", responds("one"));
    await h.platform.scale(spec, 3);
    await h.ready("x", 3);
    await h.platform.scale(spec, 1);
    await h.ready("x", 1);
    await h.platform.scale(spec, 0);
    await h.ready("x", 0);
    await h.platform.scale(spec, 1);
    assert.equal(await h.call("x", await h.ready("x", 1)), "one");
  });

  property("rejects scaling an endpoint that was never applied", async (h) => {
    await assert.rejects(
      h.platform.scale({ org: h.org, endpoint: "nothing" }, 1),
      (error) => error instanceof FaasError && error.code === "ENDPOINT_NOT_FOUND",
    );
  });
}

function rollouts(property: Property, { responds, broken, brokenDetail }: ContractFunctions): void {
  property("replaces a revision without a failed request", async (h) => {
    const spec = await h.apply("x", responds("one"));
    await h.platform.scale(spec, 2);
    const seen = [await h.call("x", await h.ready("x", 2))];
    let done = false;
    const load = (async () => {
      while (!done) seen.push(await h.call("x").catch((error) => String(error)));
    })();
    const next = await h.apply("x", responds("two"));
    await h.readyRevision("x", next.revision, 2);
    assert.equal(await h.call("x"), "two");
    done = true;
    await load;
    assert.deepEqual(new Set([...seen, "two"]), new Set(["one", "two"]));
  });

  property("keeps the previous revision if a new one does not load, and reports why", async (h) => {
    const spec = await h.apply("x", responds("one"));
    await h.platform.scale(spec, 1);
    const [before] = (await h.ready("x", 1)).replicas;
    const brokenSpec = await h.apply("x", broken);
    const { failure } = await h.until("x", (status) => status.failure?.revision === brokenSpec.revision);
    assert.equal(failure?.code, "FUNCTION_LOAD_FAILED");
    assert.match(failure?.detail ?? "", brokenDetail);
    assert.ok(failure?.lastLogLines.includes("trying"));
    assert.equal(await h.call("x"), "one");
    await h.platform.apply(spec);
    const after = await h.until("x", (status) => status.failure === undefined && status.replicas.length === 1);
    // The CPU limit of the replica may have been reduced since its start.
    assert.deepEqual(after.replicas, [{ ...before, ...cpuOf(after.replicas[0]) }]);
  });
}

const cpuOf = (replica: Replica | undefined) =>
  replica?.cpuMillis === undefined ? {} : { cpuMillis: replica.cpuMillis };

function failures(property: Property, { responds }: ContractFunctions): void {
  property("replaces a replica that dies", async (h) => {
    const spec = await h.apply("x", responds("one"));
    await h.platform.scale(spec, 1);
    const [first] = (await h.ready("x", 1)).replicas;
    await h.kill(first?.id as string);
    const replaced = await h.until("x", ({ replicas }) =>
      replicas.some((replica) => replica.ready && replica.id !== first?.id),
    );
    assert.equal(await h.call("x", replaced), "one");
  });
}

function logs(property: Property, { responds }: ContractFunctions): void {
  property("keeps the logs of ended replicas with the call of each line, and follows new ones", async (h) => {
    const spec = await h.apply("x", responds("one"));
    await h.platform.scale(spec, 1);
    await h.call("x", await h.ready("x", 1));
    await h.platform.scale(spec, 0);
    await h.ready("x", 0);
    const lines: LogLine[] = [];
    const following = (async () => {
      for await (const line of h.logs.open(spec).read({ follow: true, signal: h.signal })) {
        lines.push(line);
        if (lines.length === 4) break;
      }
    })();
    await h.platform.scale(spec, 1);
    await h.call("x", await h.ready("x", 1));
    await following;
    assert.deepEqual(
      lines.map(({ line }) => line),
      ["loaded one", "called one", "loaded one", "called one"],
    );
    assert.notEqual(lines[0]?.replica, lines[2]?.replica);
    const [loaded, first, loadedAgain, second] = lines.map(({ requestId }) => requestId);
    assert.deepEqual([loaded, loadedAgain], [undefined, undefined]);
    assert.ok(first !== undefined && second !== undefined && first !== second, `${first} ${second}`);
    const tail: string[] = [];
    for await (const { line } of h.logs.open(spec).read({ tail: 1, replica: lines[0]?.replica as string }))
      tail.push(line);
    assert.deepEqual(tail, ["called one"]);
  });
}

function removal(property: Property, { responds }: ContractFunctions): void {
  property("ends the replicas of a removed endpoint, which can be removed again", async (h) => {
    const spec = await h.apply("x", responds("one"));
    await h.platform.scale(spec, 1);
    await h.ready("x", 1);
    await h.platform.remove(spec);
    await h.untilGone("x");
    await h.platform.remove(spec);
  });

  property("ends all replicas of a removed organization, and no others", async (h) => {
    const specs = await Promise.all(["x", "y"].map((endpoint) => h.apply(endpoint, responds(endpoint))));
    await Promise.all(specs.map((spec) => h.platform.scale(spec, 1)));
    await h.ready("x", 1);
    await h.ready("y", 1);
    await h.platform.removeOrg("another");
    assert.equal(await h.call("y"), "y");
    await h.platform.removeOrg(h.org);
    await h.untilGone("x");
    await h.untilGone("y");
  });
}

function secrets(property: Property, { variables }: ContractFunctions): void {
  property("passes secrets by version in environment variables", async (h) => {
    const source = variables("TOKEN", "OTHER", "PLAIN");
    const settings = { env: { PLAIN: "plain" }, secrets: { TOKEN: "token", OTHER: "other" } };
    await h.platform.applyOrg?.(h.org, {});
    await h.platform.putSecret(h.org, { name: "token", version: "v1" }, "one\n=$PATH $(PLAIN) ä");
    await h.platform.putSecret(h.org, { name: "other", version: "v1" }, "other");
    const first = await h.apply("x", source, settings, { token: "v1", other: "v1" });
    await h.platform.scale(first, 1);
    assert.equal(await h.call("x", await h.ready("x", 1)), "one\n=$PATH $(PLAIN) ä,other,plain");
    await h.platform.putSecret(h.org, { name: "token", version: "v2" }, "two");
    const second = await h.apply("x", source, settings, { token: "v2", other: "v1" });
    assert.notEqual(second.revision, first.revision);
    assert.equal(await h.call("x", await h.readyRevision("x", second.revision)), "two,other,plain");
    assert.equal(await h.platform.readSecret(h.org, { name: "token", version: "v1" }), "one\n=$PATH $(PLAIN) ä");
    assert.equal(await h.platform.readSecret(h.org, { name: "token", version: "v2" }), "two");
    // No replica uses the first version any longer.
    await h.platform.removeSecret(h.org, { name: "token", version: "v1" });
    await h.platform.removeSecret(h.org, { name: "token", version: "v1" });
    await assert.rejects(h.platform.readSecret(h.org, { name: "token", version: "v1" }), {
      code: "SECRET_UNAVAILABLE",
    });
    await h.platform.scale(second, 0);
    await h.ready("x", 0);
    await h.platform.scale(second, 1);
    assert.equal(await h.call("x", await h.ready("x", 1)), "two,other,plain");
  });

  property("keeps the previous revision if a secret of a new one has no value, and reports why", async (h) => {
    await h.platform.applyOrg?.(h.org, {});
    await h.platform.putSecret(h.org, { name: "token", version: "v1" }, "one");
    const settings = { secrets: { TOKEN: "token" } };
    const source = variables("TOKEN");
    const first = await h.apply("x", source, settings, { token: "v1" });
    await h.platform.scale(first, 1);
    await h.ready("x", 1);
    const second = await h.apply("x", source, settings, { token: "nothing" });
    const { failure } = await h.until("x", (status) => status.failure?.revision === second.revision);
    assert.equal(failure?.code, "SECRET_UNAVAILABLE");
    assert.match(failure?.detail ?? "", new RegExp(`faas secret set ${h.org} token`));
    assert.equal(await h.call("x"), "one");
  });
}
