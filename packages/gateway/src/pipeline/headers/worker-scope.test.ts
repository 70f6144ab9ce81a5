import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderBlock } from "../../http/call/header-block.ts";
import type { ResponseHead } from "../../upstream/response-head.ts";
import type { Exchange } from "../exchange.ts";
import { passedOnHeaders } from "./forwarded-headers.ts";

/** Returns the names of the headers that a client gets. */
function passedOn(scope: string, prefix: string): string[] {
  const headers = HeaderBlock.of(["Content-Type", "text/javascript", "Service-Worker-Allowed", scope]);
  const exchange = { prefix } as unknown as Exchange;
  const { fields } = passedOnHeaders({ headers } as ResponseHead, exchange, () => false);
  return fields.map(({ key }) => key);
}

test("a script of an endpoint may control the pages of this endpoint only", () => {
  const all = ["content-type", "service-worker-allowed"];
  for (const scope of ["/acme/x/", "/acme/x/app", "./", "http://host/acme/x/"])
    assert.deepEqual(passedOn(scope, "/acme/x"), all, scope);
  for (const scope of [
    "/",
    "/-/ui",
    "/acme/",
    "/acme/xy",
    "/acme/x/../y/",
    "/acme/x/%2e%2e/",
    "../",
    "//other/acme/x/",
    "http://[",
  ])
    assert.deepEqual(passedOn(scope, "/acme/x"), ["content-type"], scope);
});

test("at a host of its own, an endpoint has all pages", () => {
  assert.deepEqual(passedOn("/", ""), ["content-type", "service-worker-allowed"]);
});
