import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { FaasError } from "@faas/core";
import { eventually } from "@faas/testing";
import { createGateway } from "../pipeline/pipeline.ts";
import { startTestGateway } from "../testing/test-gateway.ts";
import type { NewAsyncCall } from "./acceptor.ts";
import type { RecordedRequest } from "./call-record.ts";
import type { Delivery } from "./recorded-call.ts";

const ASYNC = { prefer: "respond-async" };
const NEVER = new AbortController().signal;

/** Starts a gateway that records the calls that it accepts, and an echo of method, URL, headers and body. */
async function started(
  accept: (call: NewAsyncCall) => { id: string; isDuplicate: boolean } = () => ({ id: "1", isDuplicate: false }),
) {
  const accepted: NewAsyncCall[] = [];
  const gateway = await startTestGateway(
    () => async (request, response) => {
      const body = await text(request);
      response.setHeader("x-echo", "yes");
      response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }));
    },
    {
      asyncCalls: {
        async accept(call) {
          accepted.push(call);
          return accept(call);
        },
      },
    },
  );
  return { gateway, accepted, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
}

const REQUEST: RecordedRequest = {
  ...{ method: "GET", url: "/acme/x", target: "/", host: "h", address: "127.0.0.1", proto: "http" },
  ...{ lines: "", headers: {}, requestId: "r" },
};

const deliveryOf = (
  { request, body }: Pick<NewAsyncCall, "request" | "body">,
  more: Partial<Delivery> = {},
): Delivery => ({
  ...{ request, body, requestId: "1.1", lines: "X-Faas-Call-Id: 1\r\n", maxResponseBytes: 1_000 },
  ...more,
});

describe("a call that prefers an asynchronous response", () => {
  for (const prefer of ["respond-async", "wait=10, Respond-Async", "respond-async; foo=1,handling=lenient"])
    test(`is accepted with 202 and its place: Prefer: ${prefer}`, async () => {
      await using started_ = await started();
      const { gateway, accepted } = started_;
      await gateway.deploy();
      const { status, headers, json } = await gateway.call("/acme/x/a?b=c", {
        method: "POST",
        headers: { prefer },
        body: "hi",
      });
      assert.equal(status, 202);
      assert.equal(headers.location, "/-/orgs/acme/calls/1");
      assert.equal(headers["preference-applied"], "respond-async");
      assert.deepEqual(json, { id: "1", location: "/-/orgs/acme/calls/1" });
      assert.equal(accepted[0]?.body.toString(), "hi");
      assert.equal(accepted[0]?.request.target, "/a?b=c");
      assert.deepEqual(gateway.platform.scaled, [], "it starts no replica");
      assert.deepEqual(gateway.reports, [], "it does not count as a call of the function");
    });

  for (const prefer of ["return=minimal", "respond-asynchronously", "x-respond-async"])
    test(`is synchronous with another preference: ${prefer}`, async () => {
      await using started_ = await started();
      const { gateway, accepted } = started_;
      await gateway.run();
      assert.equal((await gateway.call("/acme/x", { headers: { prefer } })).status, 200);
      assert.equal(accepted.length, 0);
    });

  test("has a large body stored as a whole, and one over the limit is rejected", async () => {
    await using started_ = await started();
    const { gateway, accepted } = started_;
    await gateway.deploy({ bodyLimit: "1Mi" });
    const body = Buffer.alloc(900_000, "ab");
    assert.equal((await gateway.call("/acme/x", { method: "POST", headers: ASYNC, body })).status, 202);
    assert.ok(accepted[0]?.body.equals(body));
    const { status, json } = await gateway.call("/acme/x", {
      method: "POST",
      headers: { ...ASYNC, "transfer-encoding": "chunked" },
      body: Buffer.alloc(1_100_000),
    });
    assert.deepEqual([status, json.code], [413, "BODY_TOO_LARGE"]);
    assert.equal(accepted.length, 1);
  });

  test("passes on keys and delay, but neither the caller's key nor its own headers", async () => {
    await using started_ = await started();
    const { gateway, accepted } = started_;
    await gateway.deploy();
    await gateway.call("/acme/x", {
      headers: {
        ...ASYNC,
        "idempotency-key": "order-7",
        "x-faas-order-key": "customer-1",
        "x-faas-delay": "90s",
        authorization: "Bearer faas_invoke_AAAAAAAAAA_secret",
        "x-faas-call-id": "forged",
        "x-other": "kept",
      },
    });
    const [call] = accepted;
    assert.deepEqual([call?.idempotencyKey, call?.orderKey, call?.delayMs], ["order-7", "customer-1", 90_000]);
    const stored = JSON.stringify(call?.request).toLowerCase();
    assert.match(stored, /x-other: kept/);
    assert.doesNotMatch(stored, /faas_invoke|forged|respond-async|x-faas/);
  });

  for (const [header, value] of [
    ["x-faas-delay", "soon"],
    ["x-faas-delay", "31d"],
    ["x-faas-order-key", "k".repeat(256)],
    ["idempotency-key", "k".repeat(256)],
  ] as const)
    test(`is rejected with an invalid header ${header}: ${value.slice(0, 9)}`, async () => {
      await using started_ = await started();
      const { gateway, accepted } = started_;
      await gateway.deploy();
      const { status, json } = await gateway.call("/acme/x", { headers: { ...ASYNC, [header]: value } });
      assert.deepEqual([status, json.code], [400, "INVALID_REQUEST"]);
      assert.match(String(json.detail), new RegExp(header, "i"));
      assert.equal(accepted.length, 0);
    });

  test("gets the problem of a queue that rejects it", async () => {
    await using started_ = await started(() => {
      throw new FaasError("CALLS_LIMITED", "full");
    });
    const { gateway } = started_;
    await gateway.deploy();
    const { status, json } = await gateway.call("/acme/x", { headers: ASYNC });
    assert.deepEqual([status, json.code], [429, "CALLS_LIMITED"]);
  });
});

describe("a delivery", () => {
  test("sends the request as it came, with its own id, and returns the function's response", async () => {
    await using started_ = await started();
    const { gateway, accepted } = started_;
    const path = "/acme/x/a?b=c";
    const body = Buffer.alloc(100_000, "x");
    await gateway.run();
    await gateway.call(path, { method: "PUT", headers: { ...ASYNC, "x-mine": "1" }, body });
    const data = createGateway({ endpoints: gateway.endpoints });
    const response = await data.deliver(deliveryOf(accepted[0] as NewAsyncCall, { maxResponseBytes: 200_000 }), NEVER);
    assert.deepEqual([response.status, response.from], [200, "function"]);
    assert.ok(response.headers.some(([name, value]) => name.toLowerCase() === "x-echo" && value === "yes"));
    const echo = JSON.parse(response.body.toString());
    assert.deepEqual([echo.method, echo.url, echo.body.length], ["PUT", "/a?b=c", 100_000]);
    assert.equal(echo.headers["x-mine"], "1");
    assert.equal(echo.headers["x-request-id"], "1.1");
    assert.equal(echo.headers["x-faas-call-id"], "1");
    assert.equal(echo.headers["x-forwarded-for"], "127.0.0.1");
    assert.equal(echo.headers.prefer, undefined);
  });

  test("keeps the beginning of a response that is too long, and counts the rest", async () => {
    await using started_ = await started();
    const { gateway, accepted } = started_;
    await gateway.run();
    await gateway.call("/acme/x", { method: "POST", headers: ASYNC, body: "y".repeat(50_000) });
    const data = createGateway({ endpoints: gateway.endpoints });
    const response = await data.deliver(deliveryOf(accepted[0] as NewAsyncCall), NEVER);
    assert.equal(response.body.length, 1_000);
    assert.ok(response.bytes > 50_000);
  });

  test("returns the gateway's problem where no function responds", async () => {
    await using started_ = await started();
    const { gateway, accepted } = started_;
    const { spec } = await gateway.deploy();
    await gateway.call("/acme/x", { headers: ASYNC });
    gateway.endpoints.delete(spec);
    const data = createGateway({ endpoints: gateway.endpoints, hasOrg: () => true });
    const response = await data.deliver(deliveryOf(accepted[0] as NewAsyncCall), NEVER);
    assert.deepEqual([response.status, response.from], [404, "gateway"]);
    assert.equal(JSON.parse(response.body.toString()).code, "ENDPOINT_NOT_FOUND");
  });

  test("ends at the endpoint's timeout, although the function sends and sends", async () => {
    const closed = Promise.withResolvers<void>();
    await using gateway = await startTestGateway(() => (_, response) => {
      const sending = setInterval(() => response.write("tick"), 5);
      response.once("close", () => {
        clearInterval(sending);
        closed.resolve();
      });
    });
    await gateway.run({ timeout: "50ms" });
    const data = createGateway({ endpoints: gateway.endpoints });
    const response = await data.deliver({ ...deliveryOf({ request: REQUEST, body: Buffer.alloc(0) }) }, NEVER);
    assert.deepEqual([response.status, response.from], [504, "gateway"]);
    const { code, detail } = JSON.parse(response.body.toString());
    assert.equal(code, "FUNCTION_TIMEOUT");
    assert.match(detail, /acme\/x did not end its response within its timeout of 50 ms: \d+ bytes/);
    await closed.promise;
    assert.equal(gateway.endpoints.get("acme/x")?.inFlight, 0);
    assert.equal(gateway.endpoints.get("acme/x")?.replicas.length, 1, "the replica is not ejected");
  });

  test("ends when it is aborted", async () => {
    const arrived = Promise.withResolvers<void>();
    await using gateway = await startTestGateway(() => () => arrived.resolve());
    await gateway.run();
    const data = createGateway({ endpoints: gateway.endpoints });
    const ending = new AbortController();
    const response = data.deliver(
      { request: REQUEST, body: Buffer.alloc(0), requestId: "1.1", lines: "", maxResponseBytes: 1 },
      ending.signal,
    );
    await arrived.promise;
    ending.abort();
    assert.deepEqual((await response).status, 499);
    assert.equal(gateway.endpoints.get("acme/x")?.inFlight, 0);
  });

  test("waits behind synchronous calls, and leaves half of a replica's slots to them", async () => {
    const arrivals: string[] = [];
    const responses: (() => void)[] = [];
    let onArrival = () => {};
    await using gateway = await startTestGateway(() => ({ url }, response) => {
      arrivals.push(String(url));
      responses.push(() => response.end());
      onArrival();
    });
    await gateway.run({ concurrency: 2, maxReplicas: 1 });
    const data = createGateway({ endpoints: gateway.endpoints });
    const waiting = () => gateway.endpoints.get("acme/x")?.waiting;
    const deliver = (name: string) => {
      const request = { ...REQUEST, url: `/acme/x/${name}`, target: `/${name}` };
      return data.deliver({ request, body: Buffer.alloc(0), requestId: name, lines: "", maxResponseBytes: 1 }, NEVER);
    };
    const arrival = async (count: number) => {
      while (arrivals.length < count) await new Promise<void>((resolve) => (onArrival = resolve));
    };
    const first = deliver("background-1");
    await arrival(1);
    const second = deliver("background-2");
    assert.equal(waiting(), 1, "the second delivery leaves the free slot");
    const calls = [gateway.call("/acme/x/call-1"), gateway.call("/acme/x/call-2")];
    await arrival(2);
    await eventually("the second call waits", () => waiting() === 2);
    responses[0]?.();
    await first;
    await arrival(3);
    assert.deepEqual(arrivals, ["/background-1", "/call-1", "/call-2"]);
    responses[1]?.();
    responses[2]?.();
    await Promise.all(calls);
    await arrival(4);
    responses[3]?.();
    assert.equal((await second).status, 200);
  });
});
