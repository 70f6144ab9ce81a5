import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FaasError } from "@faas/core";
import fc from "fast-check";
import { decodeHeaderValue } from "./binary-mode.ts";
import { elementTexts } from "./json-format.ts";
import { type ReceivedEvent, readEvents } from "./read-events.ts";

/** Cases of CloudEvents 1.0: its HTTP protocol binding and its JSON event format. docs/triggers.md lists them. */

type Headers = Readonly<Record<string, string>> | readonly (readonly [string, string])[];

function read(headers: Headers, body: string | Buffer = ""): ReceivedEvent[] {
  const entries = Array.isArray(headers) ? headers : Object.entries(headers);
  return readEvents({
    headers: Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), value])),
    rawHeaders: entries.flat(),
    body: Buffer.from(body as string),
  });
}

const REQUIRED = { specversion: "1.0", id: "1", source: "/s", type: "t" };
const BINARY = Object.fromEntries(Object.entries(REQUIRED).map(([name, value]) => [`ce-${name}`, value]));
const JSON_TYPE = { "content-type": "application/cloudevents+json" };
const BATCH_TYPE = { "content-type": "application/cloudevents-batch+json" };

const attributesOf = (events: readonly ReceivedEvent[]) =>
  events.map(({ attributes }) => Object.fromEntries(attributes));
const binary = (more: Record<string, string>) => attributesOf(read({ ...BINARY, ...more }))[0];
const structured = (more: object) => attributesOf(read(JSON_TYPE, JSON.stringify({ ...REQUIRED, ...more })))[0];

function rejection(run: () => unknown): { readonly code: string; readonly message: string; readonly events?: unknown } {
  try {
    run();
  } catch (error) {
    if (error instanceof FaasError) return { code: error.code, message: error.message, ...error.extensions };
    throw error;
  }
  assert.fail("accepted");
}

describe("binary mode", () => {
  for (const [name, header, value] of [
    ["text", "plain", "plain"],
    ["percent-encoded text", "Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"],
    ["lower-case digits of an encoding", "%e2%82%ac", "€"],
    ["text that needs no encoding, encoded", "%41", "A"],
    ["one round of decoding", "%2541", "%41"],
    ["a space as it is", "two words", "two words"],
    ["a quoted string", '"a \\"b\\" \\\\ c"', 'a "b" \\ c'],
    ["a quoted string, percent-encoded", '"%E2%82%AC"', "€"],
    ["an integer", "42", "42"],
    ["a boolean", "true", "true"],
    ["an empty value", "", ""],
    ["a comma", "a,b", "a,b"],
  ] as const)
    test(`reads ${name}`, () => assert.equal(binary({ "ce-ext": header })?.ext, value));

  test("takes Content-Type for datacontenttype, and headers in any case", () => {
    const attributes = { ...REQUIRED, datacontenttype: "application/json; charset=utf-8", ext: "5" };
    assert.deepEqual(binary({ "Content-Type": "application/json; charset=utf-8", "CE-Ext": "5" }), attributes);
  });

  test("invents no time", () => assert.equal(binary({})?.time, undefined));

  test("keeps any bytes as data", () => {
    const body = Buffer.from([0, 255, 128, 13, 10]);
    assert.deepEqual(read(BINARY, body)[0]?.body, body);
  });

  for (const [name, headers, message] of [
    ["overlong UTF-8", { "ce-ext": "%C0%A0" }, /"ext" to be percent-encoded UTF-8/],
    ["a percent sign alone", { "ce-ext": "100%" }, /"ext" to be percent-encoded UTF-8/],
    ["characters that are not ASCII", { "ce-ext": "\u00e9" }, /not ASCII/],
    ["a name with a hyphen", { "ce-my-ext": "1" }, /lower-case letters and digits, got "my-ext"/],
    ["ce-datacontenttype", { "ce-datacontenttype": "text/plain" }, /in the header Content-Type/],
    ["ce-data", { "ce-data": "1" }, /got "data"/],
    ["a control character", { "ce-ext": "%00" }, /control characters/],
  ] as const)
    test(`rejects ${name}`, () => {
      const { code, message: got } = rejection(() => read({ ...BINARY, ...headers }));
      assert.equal(code, "CLOUDEVENT_INVALID");
      assert.match(got, message);
    });

  test("rejects a header that comes twice", () => {
    const headers = [...Object.entries(BINARY), ["ce-id", "2"]] as [string, string][];
    assert.match(rejection(() => read(headers)).message, /ce-id once/);
  });
});

describe("structured mode", () => {
  test("reads attributes of all types as text", () => {
    const extensions = { text: "é 😀", integer: -2147483648, big: 2147483647, yes: true, no: false, none: null };
    assert.deepEqual(structured(extensions), {
      ...REQUIRED,
      ...{ text: "é 😀", integer: "-2147483648", big: "2147483647", yes: "true", no: "false" },
    });
  });

  test("keeps the bytes of the message", () => {
    const body = `{ "specversion":"1.0","id":"1", "source":"/s","type":"\\u0074", "data":{"n":12345678901234567890.10} }\n`;
    assert.equal(read(JSON_TYPE, body)[0]?.body.toString(), body);
    assert.equal(read({ "content-type": "Application/CloudEvents+JSON; charset=UTF-8" }, body).length, 1);
  });

  for (const data of [{ data: null }, { data: "x" }, { data: [1] }, { data_base64: "AP+A" }, { data_base64: "" }])
    test(`accepts ${JSON.stringify(data)}`, () => assert.deepEqual(structured(data), REQUIRED));

  for (const [name, more, message] of [
    ["a list as a value", { ext: ["a"] }, /"ext" to be text, an integer or a boolean, got a list/],
    ["an object as a value", { ext: {} }, /got an object/],
    ["a fraction", { ext: 1.5 }, /integer with 32 bits, got 1.5/],
    ["an integer that is too large", { ext: 2147483648 }, /integer with 32 bits/],
    ["a number as id", { id: 7 }, /"id" to be text, got a number/],
    ["data and data_base64", { data: 1, data_base64: "AA==" }, /got both/],
    ["data_base64 that is not Base64", { data_base64: "a" }, /in Base64/],
    ["data_base64 in the alphabet for URLs", { data_base64: "_-8=" }, /in Base64/],
    ["a name in upper case", { myExt: "1" }, /got "myExt"/],
    ["an unpaired surrogate", { ext: "\ud800" }, /valid Unicode/],
    ["a noncharacter", { ext: "\ufffe" }, /valid Unicode/],
  ] as const)
    test(`rejects ${name}`, () => {
      const { code, message: got } = rejection(() => structured(more));
      assert.equal(code, "CLOUDEVENT_INVALID");
      assert.match(got, message);
    });

  for (const body of ["[]", "null", '"text"', "1"])
    test(`rejects ${body}`, () => assert.match(rejection(() => read(JSON_TYPE, body)).message, /JSON object/));

  test("rejects what is not JSON in UTF-8", () => {
    for (const body of ["{", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])])
      assert.equal(rejection(() => read(JSON_TYPE, body)).code, "MALFORMED_JSON");
  });
});

for (const [mode, accept] of Object.entries({
  binary: (more: Record<string, string | undefined>) =>
    binary(Object.fromEntries(Object.entries(more).map(([name, value]) => [`ce-${name}`, value ?? ""]))),
  structured,
}))
  describe(`attributes in ${mode} mode`, () => {
    for (const name of Object.keys(REQUIRED))
      test(`${name} may not be empty`, () => {
        assert.match(rejection(() => accept({ [name]: "" })).message, new RegExp(`"${name}" to be`));
      });

    for (const [name, valid, invalid] of [
      ["specversion", ["1.0"], ["0.3", "1.0.2", "1"]],
      ["source", ["/", "urn:uuid:6e8bc430", "https://a.example/b?c=d#e", "a"], ["a<b", "a|b"]],
      ["dataschema", ["https://a.example/s.json", "urn:x"], ["/relative"]],
      [
        "time",
        ["2026-11-30T12:00:00Z", "2026-02-28T23:59:60.123456789+05:30", "1985-04-12t23:20:50z"],
        ["2026-11-30", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-30T24:00:00Z", "2026-11-30T12:00:00"],
      ],
    ] as const) {
      for (const value of valid)
        test(`${name} may be ${value}`, () => assert.equal(accept({ [name]: value })?.[name], value));
      for (const value of invalid)
        test(`${name} may not be ${value}`, () =>
          assert.match(rejection(() => accept({ [name]: value })).message, new RegExp(`"${name}" to be`)));
    }
  });

for (const name of Object.keys(REQUIRED).filter((each) => each !== "specversion"))
  test(`an event without ${name} is rejected in both modes`, () => {
    const { [`ce-${name}`]: _, ...headers } = BINARY;
    assert.match(rejection(() => read(headers)).message, new RegExp(`"${name}", but it is missing`));
    for (const value of [undefined, null])
      assert.match(rejection(() => structured({ [name]: value })).message, new RegExp(`"${name}", but it is missing`));
  });

describe("batched mode", () => {
  test("has the bytes of each event", () => {
    const first = `{ "specversion":"1.0","id":"1","source":"/s","type":"t","data":[1.0,{"a":"]}\\",["}] }`;
    const second = `{"specversion":"1.0","id":"2","source":"/s","type":"t"}`;
    const events = read(BATCH_TYPE, ` [\n${first} , ${second}\n] `);
    assert.deepEqual(
      events.map(({ body, contentType }) => [body.toString(), contentType]),
      [first, second].map((text) => [text, "application/cloudevents+json"]),
    );
  });

  test("may be empty", () => assert.deepEqual(read(BATCH_TYPE, " [ ] "), []));

  test("with an invalid event is rejected as a whole, and the problem has each of them", () => {
    const batch = JSON.stringify([REQUIRED, { ...REQUIRED, id: 1 }, REQUIRED, 7]);
    const { message, events } = rejection(() => read(BATCH_TYPE, batch));
    assert.match(message, /^Event 1 of the batch is not a CloudEvent: .*"id".*; 1 more are invalid/);
    assert.deepEqual(
      (events as { index: number }[]).map(({ index }) => index),
      [1, 3],
    );
  });

  test("has at most 1000 events", () => {
    const batch = (count: number) => JSON.stringify(Array.from({ length: count }, () => REQUIRED));
    assert.equal(read(BATCH_TYPE, batch(1_000)).length, 1_000);
    assert.match(rejection(() => read(BATCH_TYPE, batch(1_001))).message, /at most 1000/);
  });

  test("is not one event", () => {
    assert.match(rejection(() => read(BATCH_TYPE, JSON.stringify(REQUIRED))).message, /JSON array/);
  });
});

test("a request in no mode, in another format, charset or encoding is rejected", () => {
  assert.match(rejection(() => read({ "content-type": "application/json" }, "{}")).message, /ce-specversion/);
  for (const headers of [
    { "content-type": "application/cloudevents+avro" },
    { "content-type": "application/cloudevents" },
    { "content-type": "application/cloudevents+json; charset=iso-8859-1" },
    { ...JSON_TYPE, "content-encoding": "gzip" },
  ])
    assert.equal(rejection(() => read(headers, "{}")).code, "UNSUPPORTED_MEDIA_TYPE", JSON.stringify(headers));
});

test("the elements of any JSON array are found as they were written", () => {
  fc.assert(
    fc.property(fc.array(fc.json()), fc.constantFrom("", " ", "\n\t"), (elements, space) => {
      const text = `${space}[${elements.map((each) => space + each + space).join(",")}]${space}`;
      assert.deepEqual(
        elementTexts(text),
        elements.map((each) => each.trim()),
      );
    }),
  );
});

test("any text is decoded from its encoding", () => {
  const text = fc.string({ unit: "grapheme" });
  fc.assert(fc.property(text, (value) => assert.equal(decodeHeaderValue("a", encodeURIComponent(value)), value)));
});
