import assert from "node:assert/strict";
import { test } from "node:test";
import app from "./index.mjs";

test("greets by name", async () => {
  const params = { name: "greet", arguments: { name: "you" } };
  const response = await app.fetch(
    new Request("http://localhost/", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json, text/event-stream" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
    }),
  );
  assert.match(await response.text(), /Hello, you!/);
});
