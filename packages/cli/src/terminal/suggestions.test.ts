import assert from "node:assert/strict";
import { test } from "node:test";
import { runHere } from "../testing/test-cli.ts";
import { withoutDestructiveSuggestions } from "./suggestions.ts";

const cwd = import.meta.dirname;

for (const [argv, destructive] of [
  [["remov", "acme/x"], "remove"],
  [["uninstal"], "uninstall"],
  [["dwn"], "down"],
  [["logot"], "logout"],
  [["key", "revok", "k1"], "revoke"],
  [["org", "remov", "acme"], "remove"],
  [["secret", "remov", "acme", "KEY"], "remove"],
  [["remove", "acme", "--al"], "--all"],
  [["remove", "acme/x", "--ye"], "--yes"],
  [["uninstall", "--yse"], "--yes"],
] as const) {
  test(`suggests nothing for "faas ${argv.join(" ")}", which resembles ${destructive}`, async (t) => {
    const { code, stderr } = await runHere(t, argv, { cwd });
    assert.equal(code, 2);
    assert.match(stderr, /^error: unknown (?:command|option)/);
    assert.doesNotMatch(stderr, /Did you mean/);
  });
}

test("suggests a command that changes nothing", async (t) => {
  const { stderr } = await runHere(t, ["lsit"], { cwd });
  assert.match(stderr, /\(Did you mean list\?\)/);
});

test("keeps the safe ones of several suggestions", () => {
  const message = "error: unknown command 'x'\n(Did you mean one of logs, logout, login?)\n";
  assert.equal(
    withoutDestructiveSuggestions(message),
    "error: unknown command 'x'\n(Did you mean one of logs, login?)\n",
  );
  assert.equal(withoutDestructiveSuggestions("x\n(Did you mean one of list, down?)"), "x\n(Did you mean list?)");
  assert.equal(withoutDestructiveSuggestions("x\n(Did you mean down?)"), "x");
});
