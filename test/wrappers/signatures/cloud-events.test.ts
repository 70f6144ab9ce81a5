import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Started, start } from "../contract.ts";
import { wrappers } from "../languages.ts";

/** Functions that return the event that they receive, or another value: the same in each language. */
const languages = [
  {
    name: "Node",
    language: { ...wrappers.Node, file: "index.js" },
    text: `exports.handler = (event, context) => {
  if (event.type === "nothing") return;
  if (event.type === "other") return { id: context.requestId, time: event.time ?? null, ext: event.ext ?? null };
  return event;
};`,
  },
  {
    name: "Python",
    language: wrappers.Python,
    text: `
def handler(event, context):
    if event["type"] == "nothing":
        return None
    if event.type == "other":
        return {"id": context.request_id, "time": event.get("time"), "ext": event.get("ext")}
    return event
`,
  },
];

const binary = { "ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-specversion": "1.0" };
const required = { id: "1", source: "/s", type: "t", specversion: "1.0" };

for (const { name, language, text } of languages) {
  describe(`a function of CloudEvents in ${name}`, () => {
    let wrapper: Started;
    before(async () => {
      wrapper = await start(language, text, { FAAS_SIGNATURE: "cloudevents" });
    });
    after(() => wrapper[Symbol.asyncDispose]());

    const post = (headers: Record<string, string>, body: string | Buffer = "") =>
      wrapper.call("/", { method: "POST", headers, body });
    const structured = (event: unknown, type = "application/cloudevents+json") =>
      post({ "content-type": type }, JSON.stringify(event));

    test("gets an event in binary content mode, and sends one", async () => {
      const {
        status,
        headers,
        text: body,
      } = await post({ ...binary, "content-type": "application/json", "ce-ext": "5" }, '{"a":1}');
      assert.deepEqual([status, headers["content-type"], body], [200, "application/json", '{"a":1}']);
      const sent = ["ce-id", "ce-source", "ce-type", "ce-specversion", "ce-ext"].map((header) => headers[header]);
      assert.deepEqual(sent, ["1", "/s", "t", "1.0", "5"]);
    });

    test("gets an event in structured content mode", async () => {
      const { headers, text: body } = await structured(
        { ...required, data: { a: 1 } },
        "application/cloudevents+json; charset=UTF-8",
      );
      assert.deepEqual([headers["ce-id"], headers["content-type"], body], ["1", "application/json", '{"a":1}']);
    });

    test("decodes data in base64", async () => {
      const { headers, bytes } = await structured({ ...required, datacontenttype: "image/png", data_base64: "AP8=" });
      assert.deepEqual([headers["content-type"], [...bytes]], ["image/png", [0, 255]]);
    });

    test("decodes and encodes percent-encoded attributes", async () => {
      const sent = "/%20%22%C3%BC%E2%82%AC%25";
      assert.equal((await post({ ...binary, "ce-source": sent })).headers["ce-source"], sent);
      assert.equal((await structured({ ...required, source: '/ "ü€%' })).headers["ce-source"], sent);
    });

    test("passes other attributes and the context, and sends other results as they are", async () => {
      const headers = {
        ...binary,
        "ce-type": "other",
        "ce-time": "2026-01-01T00:00:00Z",
        "ce-ext": "x",
        "x-request-id": "r",
      };
      const { json } = await post(headers);
      assert.deepEqual(json(), { id: "r", time: "2026-01-01T00:00:00Z", ext: "x" });
    });

    test("answers 204 without a result", async () => {
      assert.equal((await post({ ...binary, "ce-type": "nothing" })).status, 204);
    });

    const invalid: [string, Record<string, string>, string, RegExp][] = [
      ["a batch", { "content-type": "application/cloudevents-batch+json" }, "[]", /Batches .* send each event/],
      ["another format", { "content-type": "application/cloudevents+avro" }, "x", /cloudevents\+json, got .*avro/],
      ["no event", { "content-type": "application/json" }, "{}", /"id", as the header "ce-id"/],
      [
        "a missing attribute",
        { "content-type": "application/cloudevents+json" },
        '{"id":"1"}',
        /"source", in the body/,
      ],
      ["another version", { ...binary, "ce-specversion": "2.0" }, "", /specversion 1.0, got "2.0"/],
    ];
    for (const [what, headers, body, detail] of invalid) {
      test(`rejects ${what}`, async () => {
        const { status, json } = await post(headers, body);
        assert.deepEqual([status, json().code], [400, "INVALID_REQUEST"]);
        assert.match(json().detail, detail);
      });
    }
  });
}
