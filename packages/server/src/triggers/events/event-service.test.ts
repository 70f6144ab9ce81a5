import assert from "node:assert/strict";
import { test } from "node:test";
import type { Subscription } from "@faas/core";
import { isMatch } from "./event-service.ts";

const event = new Map(Object.entries({ type: "com.example.order.paid", source: "/orders/7", tenant: "acme", n: "5" }));

for (const [subscription, expected] of [
  [{}, true],
  [{ type: "com.example.order.paid" }, true],
  [{ type: "com.example.*" }, true],
  [{ type: "com.example" }, false],
  [{ source: "/orders/*", type: "*" }, true],
  [{ source: "/invoices/*", type: "*" }, false],
  [{ extensions: { tenant: "acme" } }, true],
  [{ extensions: { tenant: "a*", n: "5" } }, true],
  [{ extensions: { tenant: "acme", missing: "*" } }, false],
  [{ type: "com.example.*", extensions: { tenant: "other" } }, false],
] as [Subscription, boolean][])
  test(`an event ${expected ? "matches" : "does not match"} ${JSON.stringify(subscription)}`, () => {
    assert.equal(isMatch(subscription, event), expected);
  });
