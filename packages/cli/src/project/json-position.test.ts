import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseJson } from "./json-position.ts";

test("parseJson returns the same value as JSON.parse", () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(undefined, 2), (text, indent) => {
      const written = JSON.stringify(JSON.parse(text), null, indent);
      const json = parseJson(written);
      assert.ok("value" in json, JSON.stringify(json));
      assert.deepEqual(json.value, JSON.parse(written));
    }),
  );
});

test("parseJson reports a problem exactly for the texts that JSON.parse rejects", () => {
  fc.assert(
    fc.property(
      fc.json(),
      fc.nat(),
      fc.constantFrom("", ",", "}", '"', "1", "\\", "\n", "tru", " "),
      (text, at, more) => {
        const offset = at % (text.length + 1);
        const changed = text.slice(0, offset) + more + text.slice(offset + 1);
        let valid = true;
        try {
          JSON.parse(changed);
        } catch {
          valid = false;
        }
        assert.equal("value" in parseJson(changed), valid, changed);
      },
    ),
    { numRuns: 500 },
  );
});
