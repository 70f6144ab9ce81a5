import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { type Started, start } from "./contract.ts";
import { wrappers } from "./languages.ts";

const LIMIT = 100_000;
const JSON_BODY = Buffer.from('{"a": [1, "ü"]}');
const key = "secret";

/** Functions that answer with what they received: the same in each language. */
const echo = [
  {
    name: "Node",
    language: wrappers.Node,
    isBrotliDecoded: true,
    text: `import { createHmac } from "node:crypto";
export async function handler(event) {
  const { headers, body, rawBody } = event;
  const signature = createHmac("sha256", "${key}").update(rawBody).digest("hex");
  return { body, headers, signature, isInJson: JSON.stringify(event).includes("rawBody") };
}`,
  },
  {
    name: "Python",
    language: wrappers.Python,
    isBrotliDecoded: false,
    text: `import hashlib, hmac, json
def handler(event, context):
    signature = hmac.new(b"${key}", event.rawBody, hashlib.sha256).hexdigest()
    assert event["rawBody"] is event.rawBody
    return {"body": event.body, "headers": event.headers, "signature": signature, "isInJson": "rawBody" in json.dumps(event)}
`,
  },
  {
    name: "Node fetch",
    language: wrappers.Node,
    isBrotliDecoded: true,
    text: `import { createHmac } from "node:crypto";
export default { async fetch(request) {
  const bytes = Buffer.from(await request.arrayBuffer());
  const text = new TextDecoder().decode(bytes);
  const signature = createHmac("sha256", "${key}").update(bytes).digest("hex");
  return Response.json({ body: text && JSON.parse(text), headers: Object.fromEntries(request.headers), signature, isInJson: false });
} };`,
  },
];

for (const { name, language, text, isBrotliDecoded } of echo) {
  describe(`request bodies in ${name}`, () => {
    let wrapper: Started;
    before(async () => {
      wrapper = await start(language, text, { FAAS_BODY_LIMIT: String(LIMIT) });
    });
    after(() => wrapper[Symbol.asyncDispose]());

    const post = (body: Buffer | AsyncGenerator<Buffer>, encoding?: string, type = "application/json") =>
      wrapper.call("/", {
        method: "POST",
        headers: { "content-type": type, ...(encoding === undefined ? {} : { "content-encoding": encoding }) },
        body: body as Buffer,
      });

    for (const type of ["application/json", "application/cloudevents+json; charset=utf-8", "text/json"]) {
      test(`parses ${type} that begins with a byte order mark`, async () => {
        const { json } = await post(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), JSON_BODY]), undefined, type);
        assert.deepEqual(json().body, { a: [1, "ü"] });
      });
    }

    test("gives the raw body for a signature, outside of the event's JSON", async () => {
      const { json } = await post(JSON_BODY);
      assert.equal(json().signature, createHmac("sha256", key).update(JSON_BODY).digest("hex"));
      assert.equal(json().isInJson, false);
    });

    test("gives an empty raw body when there is no body", async () => {
      const { json } = await wrapper.call("/", { method: "POST" });
      assert.equal(json().signature, createHmac("sha256", key).digest("hex"));
    });

    const encoded: [string, Buffer][] = [
      ["gzip", gzipSync(JSON_BODY)],
      ["X-GZip", gzipSync(JSON_BODY)],
      ["gzip", Buffer.concat([gzipSync(JSON_BODY.subarray(0, 5)), gzipSync(JSON_BODY.subarray(5))])],
      ["deflate", deflateSync(JSON_BODY)],
      ["deflate", deflateRawSync(JSON_BODY)],
      ["identity", JSON_BODY],
      ["deflate, gzip", gzipSync(deflateSync(JSON_BODY))],
    ];
    if (isBrotliDecoded) encoded.push(["br", brotliCompressSync(JSON_BODY)]);
    for (const [index, [encoding, body]] of encoded.entries()) {
      test(`decodes a body with Content-Encoding ${encoding} (${index})`, async () => {
        for (const sent of [body, chunked(body)]) {
          const { json } = await post(sent, encoding);
          const { "content-encoding": left, "content-length": length } = json().headers;
          assert.deepEqual([json().body, left, length], [{ a: [1, "ü"] }, undefined, undefined]);
          assert.equal(json().signature, createHmac("sha256", key).update(JSON_BODY).digest("hex"));
        }
      });
    }

    test("rejects a body that is over the limit when decoded", async () => {
      for (const body of [gzipSync(Buffer.alloc(LIMIT + 1)), gzipSync(Buffer.alloc(50 * LIMIT))]) {
        const { status, json } = await post(body, "gzip");
        assert.deepEqual([status, json().code], [413, "BODY_TOO_LARGE"]);
      }
    });

    test("accepts a body that has exactly the limit when decoded", async () => {
      const body = Buffer.from(JSON.stringify("x".repeat(LIMIT - 2)));
      assert.equal((await post(gzipSync(body), "gzip")).json().body.length, LIMIT - 2);
    });

    const unknown = isBrotliDecoded ? ["compress", "gzip, aes128gcm"] : ["br", "gzip, compress"];
    for (const encoding of unknown) {
      test(`rejects Content-Encoding ${encoding} and names it`, async () => {
        const { status, headers, json } = await post(JSON_BODY, encoding);
        assert.deepEqual([status, json().code], [415, "UNSUPPORTED_MEDIA_TYPE"]);
        assert.match(json().detail, new RegExp(`"${encoding.split(", ").at(-1)}"`));
        assert.match(String(headers["accept-encoding"]), /^gzip, deflate/);
      });
    }

    test("rejects a body with many encodings", async () => {
      const { status, json } = await post(JSON_BODY, Array(100).fill("gzip").join());
      assert.deepEqual([status, json().code], [400, "INVALID_REQUEST"]);
    });

    test("rejects a body that does not have its encoding", async () => {
      for (const body of [JSON_BODY, gzipSync(JSON_BODY).subarray(0, -9)]) {
        const { status, json } = await post(body, "gzip");
        assert.deepEqual([status, json().code], [400, "INVALID_REQUEST"]);
        assert.match(json().detail, /not valid gzip/);
      }
    });
  });
}

async function* chunked(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += 7) yield bytes.subarray(start, start + 7);
}
