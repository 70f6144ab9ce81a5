import assert from "node:assert/strict";
import { test } from "node:test";
import { FaasError } from "@faas/core";
import fc from "fast-check";
import type { EndpointRegistry } from "../endpoints/registry.ts";
import type { Exchange } from "./exchange.ts";
import { route } from "./route.ts";

const piece = fc.constantFrom(
  "/",
  "//",
  "acme",
  "x",
  "..",
  ".",
  "%2e",
  "%2E%2e",
  "%2f",
  "%5c",
  "\\",
  "%00",
  "%",
  "%zz",
  "?",
  "#",
  "a",
  ";",
  "ä",
  "http://h",
  "%252e",
  "-",
);
const url = fc.oneof(
  fc.array(piece, { maxLength: 8 }).map((parts) => parts.join("")),
  fc.array(piece, { maxLength: 8 }).map((parts) => `/acme/x/${parts.join("")}`),
  fc.array(piece, { maxLength: 4 }).map((parts) => `http://h/acme/x${parts.join("")}`),
  fc.string(),
);

test("finds the endpoint in the target, with the rest of it byte for byte, or rejects it", () => {
  const endpoint = { key: "acme/x" };
  const findEndpoint = route(
    new Map([[endpoint.key, endpoint]]) as unknown as EndpointRegistry,
    () => false,
    undefined,
  );
  let found = 0;
  fc.assert(
    fc.property(url, (text) => {
      let prefix = "";
      let target = "";
      const exchange = {
        request: { url: text },
        endpointAtHost: undefined,
        routeTo(_: unknown, toPrefix: string, toTarget: string) {
          prefix = toPrefix;
          target = toTarget;
        },
      };
      try {
        findEndpoint(exchange as unknown as Exchange);
      } catch (error) {
        assert.ok(error instanceof FaasError && [400, 404].includes(error.status), String(error));
        return;
      }
      found++;
      assert.equal(prefix, "/acme/x");
      assert.ok(target.startsWith("/"));
      assert.equal(
        text.replace(/^https?:\/\/[^/?#]*/i, ""),
        target.startsWith("/?") && !text.includes("/acme/x/")
          ? prefix + target.slice(1)
          : text.includes("/acme/x/")
            ? prefix + target
            : prefix,
      );
      const [path = ""] = target.split("?");
      // Decoded with every kind of slash.
      const decoded = path
        .replace(/%2e/gi, ".")
        .replace(/%2f/gi, "/")
        .replace(/%5c|\\/gi, "/");
      assert.ok(!decoded.split("/").some((segment) => segment === "." || segment === ".."), decoded);
      assert.doesNotMatch(path, /%00|%(?![\da-f]{2})/i);
    }),
    { numRuns: 2_000 },
  );
  assert.ok(found > 100, `${found}`);
});
