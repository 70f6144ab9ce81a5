import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type EndpointSpec, type TrafficSplit, variantRef } from "@faas/core";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import { startTestGateway, type TestGateway } from "../testing/test-gateway.ts";

const split = (weights: Readonly<Record<string, number>>, sticky?: string): TrafficSplit => ({
  variants: Object.entries(weights).map(([revision, weight]) => ({ revision, weight })),
  ...(sticky === undefined ? {} : { sticky }),
});

/** Starts a gateway whose replicas respond with their revision and the path. */
const started = (options: Parameters<typeof startTestGateway>[2] = {}) =>
  startTestGateway(
    ({ revision }) =>
      ({ url }, response) =>
        response.end(`${revision} ${url}`),
    {},
    options,
  );

/** Serves acme/x with the revision "old" and fields of its spec. */
async function serve(gateway: TestGateway, more: Partial<EndpointSpec>): Promise<ServedEndpoint> {
  const { spec } = gateway.endpoints.get("acme/x") ?? (await gateway.run({}, "old"));
  const { split: _, tags: __, ...rest } = spec as EndpointSpec;
  return gateway.endpoints.put({ ...rest, ...more });
}

/** Adds a variant of acme/x, as the control server does. */
async function addVariant({ endpoints, platform }: TestGateway, revision: string): Promise<ServedEndpoint> {
  const main = endpoints.get("acme/x") as ServedEndpoint<EndpointSpec>;
  const { hostnames: _, split: __, tags: ___, ...rest } = main.spec;
  const spec = { ...rest, ...variantRef(main.spec, revision), revision, variantOf: "x" };
  await platform.apply(spec);
  return endpoints.put(spec);
}

async function revisionsOf(gateway: TestGateway, calls: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let call = 0; call < calls; call++) {
    const [revision = ""] = (await gateway.call("/acme/x/a")).text.split(" ");
    counts[revision] = (counts[revision] ?? 0) + 1;
  }
  return counts;
}

for (const reader of ["fast", "node"] as const)
  describe(`a split, with the ${reader} reader`, () => {
    test("divides calls by weight, and each revision starts with its first call", async () => {
      await using gateway = await started({ reader });
      await serve(gateway, {});
      await addVariant(gateway, "new");
      await serve(gateway, { split: split({ new: 25, old: 75 }) });
      const counts = await revisionsOf(gateway, 40);
      assert.deepEqual(counts, { old: 30, new: 10 });
    });

    test("keeps a browser at its revision by a cookie", async () => {
      await using gateway = await started({ reader });
      await serve(gateway, {});
      await addVariant(gateway, "new");
      await serve(gateway, { split: split({ new: 50, old: 50 }, "cookie") });
      for (let browser = 0; browser < 4; browser++) {
        const first = await gateway.call("/acme/x/a");
        const [cookie = ""] = first.headers["set-cookie"] ?? [];
        assert.match(cookie, /^faas-split=\w+; Path=\/acme\/x; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
        for (let call = 0; call < 5; call++) {
          const { text, headers } = await gateway.call("/acme/x/a", {
            headers: { Cookie: `a=b; ${cookie.split(";")[0]}` },
          });
          assert.deepEqual([text, headers["set-cookie"]], [first.text, undefined]);
        }
      }
    });

    test("keeps callers apart by a header; calls without it are divided by weight", async () => {
      await using gateway = await started({ reader });
      await serve(gateway, {});
      await addVariant(gateway, "new");
      await serve(gateway, { split: split({ new: 50, old: 50 }, "header:x-user") });
      const found = new Set<string>();
      for (let user = 0; user < 20; user++) {
        const headers = { "X-User": `user-${user}` };
        const { text } = await gateway.call("/acme/x/a", { headers });
        assert.equal((await gateway.call("/acme/x/a", { headers })).text, text);
        found.add(text);
      }
      assert.equal(found.size, 2);
      assert.deepEqual(await revisionsOf(gateway, 10), { old: 5, new: 5 });
    });

    test("an address with a revision or a tag goes to that revision, and has no share of its own", async () => {
      await using gateway = await started({ reader });
      await serve(gateway, {});
      await addVariant(gateway, "new");
      await serve(gateway, { tags: { next: "new", stable: "old" }, hostnames: ["x.example.com"] });
      const textOf = async (path: string, host = "h") => (await gateway.call(path, { headers: { Host: host } })).text;
      assert.equal(await textOf("/acme/x@next/a?b"), "new /a?b");
      assert.equal(await textOf("/acme/x@new"), "new /");
      assert.equal(await textOf("/acme/x@stable/a"), "old /a");
      assert.equal(await textOf("/a", "next--x.acme.localhost:1"), "new /a");
      assert.equal(await textOf("/a", "next--x.example.com"), "new /a");
      assert.equal(await textOf("/a", "x.example.com"), "old /a");
      assert.deepEqual(await revisionsOf(gateway, 5), { old: 5 });
    });

    test("an unknown revision or tag, and the name of a variant, are not found", async () => {
      await using gateway = await started({ reader });
      await serve(gateway, {});
      await addVariant(gateway, "new");
      await serve(gateway, { tags: { next: "gone" } });
      const codeOf = async (path: string, host = "h") =>
        (await gateway.call(path, { headers: { Host: host } })).json.code;
      for (const path of ["/acme/x@next", "/acme/x@other/a", "/acme/x@constructor"])
        assert.equal(await codeOf(path), "REVISION_NOT_FOUND", path);
      assert.equal(await codeOf("/a", "none--x.acme.localhost"), "REVISION_NOT_FOUND");
      for (const path of ["/acme/x.new", "/acme/x.new@new", "/acme/y@next"])
        assert.equal(await codeOf(path), "ENDPOINT_NOT_FOUND", path);
    });
  });

test("a WebSocket goes to a revision of the split", async () => {
  await using gateway = await started();
  await serve(gateway, {});
  await addVariant(gateway, "new");
  await serve(gateway, { split: split({ new: 100 }) });
  const socket = gateway.connect();
  socket.write("GET /acme/x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  let received = "";
  socket.on("data", (data) => (received += data));
  await once(socket, "data");
  socket.destroy();
  // The replica declines, with its revision.
  assert.match(received, /new/);
});

test("a call that waits for a variant which is removed goes to the endpoint, as does a later one", async () => {
  await using gateway = await started();
  await serve(gateway, {});
  const ready = Promise.withResolvers<void>();
  gateway.platform.gate = ready.promise;
  const variant = await addVariant(gateway, "new");
  await serve(gateway, { split: split({ new: 100 }) });
  const waiting = gateway.call("/acme/x/a");
  while (variant.waiting === 0) await delay(1);
  await serve(gateway, {});
  gateway.endpoints.delete(variant.spec);
  assert.equal((await waiting).text, "old /a");
  await serve(gateway, { split: split({ new: 100 }) });
  assert.equal((await gateway.call("/acme/x/a")).text, "old /a");
  ready.resolve();
});

test("a call of a variant that fails to start gets the reason, with the endpoint's name and the revision", async () => {
  await using gateway = await startTestGateway(({ revision }) =>
    revision === "new" ? { code: "FUNCTION_LOAD_FAILED", detail: "broken" } : (_, response) => response.end("old"),
  );
  await serve(gateway, {});
  await addVariant(gateway, "new");
  await serve(gateway, { tags: { next: "new" } });
  assert.equal((await gateway.call("/acme/x@next")).json.code, "FUNCTION_LOAD_FAILED");
  assert.deepEqual(
    gateway.reports.map(({ endpoint, status }) => [endpoint, status]),
    [["acme/x", 502]],
  );
});
