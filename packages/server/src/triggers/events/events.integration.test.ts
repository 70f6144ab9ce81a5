import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CloudEvent, HTTP, Mode } from "cloudevents";
import { checkResponse } from "../../testing/response-check.ts";
import { digestOf, functionBundle, testControl } from "../../testing/test-control.ts";

/** CloudEvents through the HTTP interface: with the JavaScript SDK as the client and in the place of the function. */

const server = await testControl({ auth: true });
const CODE = `
export const handler = ({ method, path, headers, rawBody }) => ({
  method, path, headers, body: Buffer.from(rawBody ?? "").toString("base64"),
});`;
const bundle = await functionBundle(CODE);
assert.equal((await server.upload(bundle)).status, 201);
const artifact = { kind: "bundle", digest: digestOf(bundle) };

async function register(key: string, subscriptions: readonly object[]): Promise<void> {
  const [org, endpoint] = key.split("/");
  const { status, body } = await server.send("PUT", `/-/orgs/${org}/endpoints/${endpoint}`, {
    artifact,
    settings: { replicas: 0, subscriptions },
  });
  assert.ok(status < 300, JSON.stringify(body));
}
await register("acme/orders", [{ type: "com.example.order.*", path: "/order?a=b" }]);
await register("acme/all", [{}]);
await register("acme/tenant", [{ extensions: { tenant: "north*" } }, { type: "com.example.order.none" }]);
await register("acme/none", []);
const key = await server.key("acme", "invoke");

async function publish(headers: Record<string, string>, body: string | Buffer, token = key, org = "acme") {
  const response = await fetch(`${server.url}/-/orgs/${org}/events`, {
    method: "POST",
    headers: { ...headers, Authorization: `Bearer ${token}` },
    body: typeof body === "string" ? body : new Uint8Array(body),
  });
  const text = await response.text();
  const contentType = response.headers.get("content-type") ?? "";
  checkResponse({ method: "POST", path: `/-/orgs/${org}/events`, status: response.status, contentType, text });
  // biome-ignore lint/suspicious/noExplicitAny: each test knows its fields
  const json: any = JSON.parse(text);
  return { status: response.status, json };
}

/** Waits for a call, and returns the request that the function got. */
async function received({ location }: { readonly location: string }) {
  const { body } = await server.send("GET", `${location}?wait=30s`);
  assert.equal(body.state, "completed", JSON.stringify(body));
  const authorization = `Bearer ${server.adminToken}`;
  const response = await fetch(`${server.url}${location}/response`, { headers: { authorization } });
  // biome-ignore lint/suspicious/noExplicitAny: each test knows its fields
  const request: any = await response.json();
  return { ...request, body: Buffer.from(request.body, "base64") };
}

let count = 0;
const newId = () => `id-${count++}`;
const callsTo = (json: { calls: { endpoint: string }[] }) => json.calls.map(({ endpoint }) => endpoint).sort();

/** Headers of an event in binary mode. */
const binary = (type: string, more: Record<string, string> = {}) => ({
  ...{ "ce-specversion": "1.0", "ce-id": newId(), "ce-source": "/shop", "ce-type": type },
  ...more,
});

test("an event goes to each endpoint with a subscription that matches, once", async () => {
  const { status, json } = await publish(binary("com.example.order.paid", { "ce-tenant": "north-1" }), "x");
  assert.equal(status, 202);
  assert.deepEqual(callsTo(json), ["all", "orders", "tenant"]);
  const order = json.calls.find(({ endpoint }: { endpoint: string }) => endpoint === "orders");
  const { method, path } = await received(order);
  assert.deepEqual([method, path], ["POST", "/order"]);
  assert.deepEqual(callsTo((await publish(binary("org.other"), "x")).json), ["all"]);
});

test("an event that no subscription matches is accepted, and nothing is called", async () => {
  await register("quiet/x", [{ type: "never" }]);
  const { status, json } = await publish(binary("other"), "", await server.key("quiet", "invoke"), "quiet");
  assert.deepEqual([status, json], [202, { calls: [] }]);
});

test("a function gets attributes and bytes in binary mode as they were sent", async () => {
  const sent = binary("binary", {
    ...{ "content-type": "text/x-mine; charset=latin1", "ce-ext": "Euro%20%E2%82%AC", "ce-n": "007", "ce-yes": "true" },
    "x-other": "1",
  });
  const bytes = Buffer.from([0, 255, 128, 13, 10]);
  const { headers, body } = await received((await publish(sent, bytes)).json.calls[0]);
  for (const [name, value] of Object.entries(sent)) assert.equal(headers[name], value, name);
  assert.deepEqual(body, bytes);
  assert.equal(headers["ce-time"], undefined, "no time is invented");
  assert.equal(headers.authorization, undefined);
});

test("a function gets the bytes of an event in structured mode as they were sent", async () => {
  const text = `{ "specversion" : "1.0", "id":"${newId()}", "source":"/shop","type":"structured", "n":-0, "data":{"n":12345678901234567890.10} }`;
  const { json } = await publish({ "content-type": "application/cloudevents+json; charset=UTF-8" }, text);
  const { headers, body } = await received(json.calls[0]);
  assert.equal(headers["content-type"], "application/cloudevents+json; charset=UTF-8");
  assert.equal(body.toString(), text);
});

test("the events of a batch are calls of their own, in structured mode", async () => {
  const texts = [newId(), newId()].map(
    (id) => `{"specversion":"1.0", "id":"${id}", "source":"/shop", "type":"com.example.order.paid", "data":1.0}`,
  );
  const type = "application/cloudevents-batch+json";
  const { status, json } = await publish({ "content-type": type }, `[ ${texts.join(" ,\n")} ]`);
  assert.equal(status, 202);
  const shown = json.calls.map(({ endpoint, index }: { endpoint: string; index: number }) => `${index} ${endpoint}`);
  assert.deepEqual(shown.sort(), ["0 all", "0 orders", "1 all", "1 orders"]);
  for (const call of json.calls) {
    const { headers, body } = await received(call);
    assert.deepEqual([headers["content-type"], body.toString()], ["application/cloudevents+json", texts[call.index]]);
  }
});

test("a batch with an invalid event is not accepted at all", async () => {
  const before = (await server.send("GET", "/-/orgs/acme/calls?limit=1000")).body.calls.length;
  const valid = { specversion: "1.0", id: newId(), source: "/shop", type: "t" };
  const batch = JSON.stringify([valid, { ...valid, source: "" }]);
  const { status, json } = await publish({ "content-type": "application/cloudevents-batch+json" }, batch);
  assert.deepEqual([status, json.code, json.events.length, json.events[0].index], [400, "CLOUDEVENT_INVALID", 1, 1]);
  assert.equal((await server.send("GET", "/-/orgs/acme/calls?limit=1000")).body.calls.length, before);
});

test("an event with the source and id of another is not delivered again, in whatever mode", async () => {
  const headers = binary("once");
  const first = await publish(headers, "x");
  const event = { specversion: "1.0", id: headers["ce-id"], source: "/shop", type: "once" };
  const second = await publish({ "content-type": "application/cloudevents+json" }, JSON.stringify(event));
  const [{ id }] = first.json.calls;
  assert.deepEqual([second.json.calls[0].id, second.json.calls[0].duplicate], [id, true]);
  const other = await publish({ ...headers, "ce-source": "/shop/2" }, "x");
  assert.equal(other.json.calls[0].duplicate, undefined);
});

test("a key with the scope invoke of the organization is needed", async () => {
  const { status, json } = await publish(binary("t"), "", await server.key("acme", "read"));
  assert.deepEqual([status, json.code], [403, "FORBIDDEN"]);
  assert.equal((await publish(binary("t"), "", "")).status, 401);
  const elsewhere = await publish(binary("t"), "", await server.key("quiet", "invoke"));
  assert.deepEqual([elsewhere.status, elsewhere.json.code], [404, "ORG_NOT_FOUND"]);
});

describe("an event of the JavaScript SDK", () => {
  const attributes = {
    ...{ type: "com.example.order.paid", source: "/shop", subject: "order 7", time: "2026-11-30T12:00:00.000Z" },
    ...{ tenant: "north", n: 5, yes: true },
  };
  const cases: Record<string, object> = {
    "with an object": { data: { order: 7, name: "Zoë 🎈" }, datacontenttype: "application/json" },
    "with text": { data: "text", datacontenttype: "text/plain" },
    "without data": {},
  };
  for (const [name, data] of Object.entries(cases))
    for (const mode of [Mode.BINARY, Mode.STRUCTURED])
      test(`${name} in ${mode} mode is the same for a function with the SDK`, async () => {
        const event = new CloudEvent({ ...attributes, ...data, id: newId() });
        const message = mode === Mode.BINARY ? HTTP.binary(event) : HTTP.structured(event);
        const headers = Object.fromEntries(
          Object.entries(message.headers).map(([each, value]) => [each, String(value)]),
        );
        const { status, json } = await publish(headers, (message.body as string | undefined) ?? "");
        assert.equal(status, 202, JSON.stringify(json));
        const delivered = await received(json.calls.find((call: { endpoint: string }) => call.endpoint === "orders"));
        // The SDK writes numbers and booleans of binary mode as text, and reads them so: compare with what it reads of its own message.
        const expected = HTTP.toEvent({ headers, body: message.body ?? "" });
        assert.deepEqual(HTTP.toEvent({ headers: delivered.headers, body: delivered.body.toString() }), expected);
        const body = String(message.body ?? "");
        assert.equal(delivered.body.toString(), body);
      });

  test("with binary data is delivered as it was sent, which the SDK itself does not read back", async () => {
    const data = new Uint8Array([0, 255, 128]);
    const event = new CloudEvent({ ...attributes, id: newId(), datacontenttype: "application/octet-stream", data });
    const { headers: sent, body } = HTTP.structured(event);
    const { json } = await publish(sent as Record<string, string>, body as string);
    const delivered = JSON.parse((await received(json.calls[0])).body.toString());
    assert.equal(delivered.data_base64, "AP+A");
  });
});
