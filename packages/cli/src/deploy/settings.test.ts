import assert from "node:assert/strict";
import { test } from "node:test";
import { unenforcedWarning } from "./settings.ts";

test("a disk limit that nobody enforces has a warning", () => {
  const embedded = { platform: "embedded", accepts: "bundle" } as const;
  assert.match(
    unenforcedWarning({ disk: "64Mi" }, embedded) ?? "",
    /embedded platform does not enforce the disk limit/,
  );
  assert.equal(unenforcedWarning({}, embedded), undefined);
  assert.equal(unenforcedWarning({ disk: "64Mi" }, { platform: "kubernetes", accepts: "image" }), undefined);
});
