import assert from "node:assert/strict";
import { test } from "node:test";
import { rootAddresses } from "./addresses.ts";

const ref = { org: "acme", endpoint: "x" };

test("an endpoint has its hostnames, and one below localhost on a server of this machine", () => {
  assert.deepEqual(rootAddresses(ref, "https://faas.example/acme/x", ["API.example."]), ["https://api.example/"]);
  assert.deepEqual(rootAddresses(ref, "http://10.0.0.1:8887/acme/x"), []);
  for (const host of ["127.0.0.1", "localhost", "[::1]"])
    assert.deepEqual(rootAddresses(ref, `http://${host}:8887/acme/x`), ["http://x.acme.localhost:8887/"]);
});
