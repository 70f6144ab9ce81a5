import assert from "node:assert/strict";
import { test } from "node:test";
import { FaasError, projectSchema } from "@faas/core";
import { anyText } from "@faas/testing/arbitraries";
import fc from "fast-check";
import { parseProject } from "./project.ts";

test("parseProject accepts any text, or throws CONFIG_INVALID with the file name", () => {
  const fields = fc.dictionary(
    fc.oneof(fc.constantFrom(...Object.keys(projectSchema.shape), "__proto__"), fc.string()),
    fc.jsonValue(),
  );
  const text = fc.oneof(
    anyText(),
    fc.json(),
    fields.map((value) => JSON.stringify(value)),
    fc.tuple(fields, fc.nat(), fc.string({ maxLength: 2 })).map(([value, at, other]) => {
      const all = JSON.stringify(value, null, 2);
      const position = at % (all.length + 1);
      return all.slice(0, position) + other + all.slice(position + 1);
    }),
  );
  fc.assert(
    fc.property(text, (each) => {
      try {
        assert.ok(projectSchema.safeParse(parseProject(each, "faas.json")).success);
      } catch (error) {
        assert.ok(error instanceof FaasError && error.code === "CONFIG_INVALID", String(error));
        for (const line of error.message.split("\n").slice(0, 1)) assert.match(line, /^faas\.json(?::\d+:\d+)?: /);
      }
    }),
    { numRuns: 300 },
  );
});
