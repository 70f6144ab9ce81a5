import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gunzipSync, gzipSync } from "node:zlib";
import { type Started, start } from "./contract.ts";
import { wrappers } from "./languages.ts";

const TEXT = JSON.stringify({ hello: "x".repeat(2000) });
const encoders: Readonly<Record<string, (text: string) => Buffer>> = {
  gzip: gzipSync,
  "x-gzip": gzipSync,
  deflate: deflateSync,
  "deflate-raw": deflateRawSync,
  br: brotliCompressSync,
};

/** Answers `/<coding>` with an encoded body, and without a coding in the path with a plain one. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const coding = (request.url ?? "").slice(1);
  const body = encoders[coding]?.(TEXT) ?? Buffer.from(TEXT);
  const encoding = coding in encoders ? { "content-encoding": coding.replace("-raw", "") } : {};
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length, ...encoding }).end(body);
}

let upstream: Server;
before(async () => {
  upstream = createServer(answer).listen(0, "127.0.0.1");
  await once(upstream, "listening");
});
after(() => {
  upstream.closeAllConnections();
  upstream.close();
});

const NODE = `
import { gzipSync, brotliCompressSync, deflateRawSync } from "node:zlib";
const encoders = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateRawSync };
const upstream = (event) => fetch(process.env.UPSTREAM + "/" + event.query.coding);
const encoded = (event) => encoders[event.query.coding](${JSON.stringify(TEXT)});
const headersOf = (response) => Object.fromEntries(response.headers);
export async function handler(event) {
  const headers = { "Content-Encoding": event.query.coding };
  switch (event.path) {
    case "/response": return upstream(event);
    case "/clone": return (await upstream(event)).clone();
    case "/wrapped": { const response = await upstream(event); return new Response(response.body, response); }
    case "/text": { const response = await upstream(event); return { status: 200, headers: headersOf(response), body: await response.text() }; }
    case "/json": { const response = await upstream(event); return { status: 200, headers: headersOf(response), body: await response.json() }; }
    case "/bytes": { const response = await upstream(event); return { status: 200, headers: headersOf(response), body: Buffer.from(await response.arrayBuffer()) }; }
    case "/stream": { const response = await upstream(event); return { status: 200, headers: headersOf(response), body: response.body }; }
    case "/own-response": return new Response(encoded(event), { headers });
    case "/own-bytes": return { status: 200, headers, body: encoded(event) };
    case "/own-stream": return { status: 200, headers, body: (async function* () { yield ""; const bytes = encoded(event); yield bytes.subarray(0, 1); yield bytes.subarray(1); })() };
  }
}`;

const PYTHON = `
import gzip, os, urllib.request, zlib
def raw(data):
    encoder = zlib.compressobj(wbits=-15)
    return encoder.compress(data) + encoder.flush()
encoders = {"gzip": gzip.compress, "deflate": raw}
def pieces(data):
    for start in range(0, len(data), 100): yield data[start:start + 100]
async def async_pieces(data):
    for piece in pieces(data): yield piece
def handler(event, context):
    coding = event.query["coding"]
    if event.path.startswith("/own"):
        data = b"" if event.path == "/own-empty" else encoders[coding](${JSON.stringify(TEXT)}.encode())
        headers = {"Content-Encoding": coding}
    else:
        with urllib.request.urlopen(os.environ["UPSTREAM"] + "/" + coding) as response:
            headers, data = dict(response.headers), response.read()
        # As requests and httpx do.
        data = gzip.decompress(data) if coding == "gzip" else zlib.decompress(data, 15 if data[0] & 15 == 8 else -15)
    kind = event.path.rpartition("-")[2].strip("/")
    body = {"text": lambda: data.decode(), "bytes": lambda: data, "stream": lambda: pieces(data), "async": lambda: async_pieces(data)}[kind]()
    return {"status": 200, "headers": headers, "body": body}
`;

const cases = [
  {
    name: "Node",
    language: wrappers.Node,
    text: NODE,
    codings: ["gzip", "x-gzip", "deflate", "deflate-raw", "br"],
    decoded: ["/response", "/clone", "/wrapped", "/text", "/json", "/bytes", "/stream"],
    ownCodings: ["gzip", "deflate", "br"],
    own: ["/own-response", "/own-bytes", "/own-stream"],
  },
  {
    name: "Python",
    language: wrappers.Python,
    text: PYTHON,
    codings: ["gzip", "deflate", "deflate-raw"],
    decoded: ["/text", "/bytes", "/stream", "/async"],
    ownCodings: ["gzip", "deflate"],
    own: ["/own-bytes", "/own-stream", "/own-async"],
  },
];

for (const { name, language, text, codings, decoded, ownCodings, own } of cases) {
  describe(`encoded responses in ${name}`, () => {
    let wrapper: Started;
    before(async () => {
      const { port } = upstream.address() as AddressInfo;
      wrapper = await start(language, text, { UPSTREAM: `http://127.0.0.1:${port}` });
    });
    after(() => wrapper[Symbol.asyncDispose]());

    for (const path of decoded) {
      test(`sends a body that a client has decoded without Content-Encoding: ${path}`, async () => {
        for (const coding of codings) {
          const response = await wrapper.call(`${path}?coding=${coding}`);
          const { "content-encoding": encoding, "content-type": type } = response.headers;
          assert.deepEqual([response.status, encoding, type], [200, undefined, "application/json"], coding);
          assert.equal(response.text, TEXT);
        }
      });
    }

    for (const path of own) {
      test(`sends a body that the function has encoded as it is: ${path}`, async () => {
        for (const coding of ownCodings) {
          const response = await wrapper.call(`${path}?coding=${coding}`);
          assert.equal(response.headers["content-encoding"], coding);
          if (coding === "gzip") assert.equal(gunzipSync(response.bytes).toString(), TEXT);
          else assert.notEqual(response.text, TEXT);
        }
      });
    }
  });
}

test("answers HEAD without the length of an encoded body", async () => {
  const { port } = upstream.address() as AddressInfo;
  const text = `export default { fetch: () => fetch("http://127.0.0.1:${port}/gzip") };`;
  await using wrapper = await start(wrappers.Node, text);
  const { status, headers } = await wrapper.call("/", { method: "HEAD" });
  assert.deepEqual([status, headers["content-encoding"], headers["content-length"]], [200, undefined, undefined]);
});
