import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaasError } from "../errors.ts";
import { parseResponse } from "./parse-response.ts";
import { serverConfigSchema } from "./server-responses.ts";

const config = { version: "1.0.0", platform: "embedded", accepts: "bundle", scalers: ["fixed"], bundleLimitBytes: 1 };

test("returns a response with the fields that a later server added", () => {
  const later = { ...config, added: { by: "a later server" } };
  assert.equal(parseResponse(serverConfigSchema, later, "GET /-/config"), later);
});

test("names the request and each unexpected field of a response", () => {
  const { version: _, ...other } = { ...config, accepts: "wasm" };
  assert.throws(
    () => parseResponse(serverConfigSchema, other, "GET /-/config"),
    (error: FaasError) => {
      assert.equal(error.code, "SERVER_INCOMPATIBLE");
      assert.equal(
        error.message,
        'In the response to GET /-/config: "version": expected text, got nothing; "accepts": expected one of "bundle", "image", got "wasm"',
      );
      assert.match(String(error.extensions.hint), /another version/);
      return true;
    },
  );
});
