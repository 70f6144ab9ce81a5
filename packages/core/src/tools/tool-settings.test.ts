import assert from "node:assert/strict";
import { test } from "node:test";
import { revisionId } from "../endpoints/endpoint.ts";
import { withDefaults } from "../endpoints/settings.ts";
import { changeSettings, settingChanges } from "../endpoints/settings-change.ts";
import { FaasError } from "../errors.ts";
import { validate } from "../validate.ts";
import { parseTool, type ToolSettings, toolName, toolSettingsSchema } from "./tool-settings.ts";

const artifact = { kind: "image", reference: "acme/a:1" } as const;
const tool: ToolSettings = { description: "Adds", input: { type: "object", properties: { a: { type: "number" } } } };

test("a tool is part of a revision, and null removes it", () => {
  const before = changeSettings(undefined, {});
  const changed = changeSettings(before, { settings: { tool } });
  assert.notEqual(revisionId(artifact, before.settings), revisionId(artifact, changed.settings));
  assert.deepEqual(settingChanges(before.settings, changed.settings), [
    { setting: "tool", from: null, to: JSON.stringify(tool) },
  ]);
  assert.deepEqual(changeSettings(changed, { settings: { tool: null } }), before);
  assert.deepEqual(withDefaults({ tool }).tool, tool);
});

test("the name of a tool is that of its endpoint unless it has one", () => {
  assert.equal(toolName(tool, { endpoint: "add" }), "add");
  assert.equal(toolName({ ...tool, name: "sum_up" }, { endpoint: "add" }), "sum_up");
});

test("an invalid tool is rejected with what was expected", () => {
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [{}, /"description": expected text, got nothing/],
    [{ description: "" }, /"description": expected at least 1 character, got 0/],
    [{ description: "a".repeat(8193) }, /"description": expected at most 8192 characters, got 8193/],
    [{ description: "a", input: { type: "array" } }, /"input.type": expected "object", got "array"/],
    [{ description: "a", input: true }, /"input": expected an object, got true/],
    [{ description: "a", name: "a b" }, /"name": expected at most 64 letters/],
    [{ description: "a", annotations: { readOnly: true } }, /"annotations": unknown field "readOnly"/],
    [{ description: "a", path: "a" }, /"path": expected a path/],
    [{ description: "a", input: { type: "object", description: "a".repeat(65_536) } }, /expected at most 64 KiB/],
  ];
  for (const [value, message] of cases)
    assert.throws(
      () => validate(toolSettingsSchema, value, "the tool"),
      (error) => error instanceof FaasError && message.test(error.message),
      JSON.stringify(value).slice(0, 100),
    );
});

test("text that is not a JSON object is not a tool", () => {
  assert.deepEqual(parseTool('{"description": "a"}'), { description: "a" });
  for (const text of ["", "[]", "null", "1", "{"]) assert.equal(parseTool(text), undefined);
});
