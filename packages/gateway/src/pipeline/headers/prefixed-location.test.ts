import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientRequest } from "../../http/call/client-call.ts";
import { prefixedLocation } from "./prefixed-location.ts";

function locationOf(location: string, { prefix = "/acme/x", host = "faas.example:8887", forwarded = "" } = {}): string {
  const headers = {
    host,
    ...(forwarded === "" ? {} : { "x-forwarded-host": forwarded }),
  };
  const request = { url: "/acme/x/old", headers } as ClientRequest;
  return prefixedLocation(location, { request, prefix }, (key) => key === "acme/y" || key === "other/z");
}

test("adds the prefix to an absolute path on the host that the client used", () => {
  const cases: Record<string, string> = {
    "/": "/acme/x/",
    "/new": "/acme/x/new",
    "/new?a=/b#c": "/acme/x/new?a=/b#c",
    "/?a": "/acme/x/?a",
    "/acme": "/acme/x/acme",
    "/acme/xy": "/acme/x/acme/xy",
    "http://faas.example:8887/new": "http://faas.example:8887/acme/x/new",
    "https://FAAS.example:8887/new": "https://FAAS.example:8887/acme/x/new",
    "http://faas.example:8887": "http://faas.example:8887/acme/x/",
    "http://faas.example:8887?a": "http://faas.example:8887/acme/x/?a",
    "//faas.example:8887/new": "//faas.example:8887/acme/x/new",
    "/other/z": "/acme/x/other/z",
  };
  for (const [sent, received] of Object.entries(cases)) assert.equal(locationOf(sent), received, sent);
});

test("leaves a path that has the prefix, or is that of another endpoint of the organization", () => {
  for (const location of ["/acme/x", "/acme/x/", "/acme/x/new", "/acme/x?a", "/acme/y/login", "/acme/y#a"])
    assert.equal(locationOf(location), location);
  const absolute = "http://faas.example:8887/acme/x/new";
  assert.equal(locationOf(absolute), absolute);
});

test("leaves relative references and other hosts", () => {
  for (const location of [
    "new",
    "../new",
    "?a",
    "#a",
    "",
    "https://example.com/new",
    "//example.com/new",
    "http://faas.example/new",
    "mailto:a@example.com",
    "http://user@faas.example:8887/new",
  ])
    assert.equal(locationOf(location), location);
});

test("takes the host of a proxy in front, and a default port, for that of the client", () => {
  const given = { host: "inner:8887", forwarded: "outer.example" };
  assert.equal(locationOf("https://outer.example/new", given), "https://outer.example/acme/x/new");
  assert.equal(locationOf("https://outer.example:443/new", given), "https://outer.example:443/acme/x/new");
});

test("changes nothing at the endpoint's own host", () => {
  assert.equal(locationOf("/new", { prefix: "" }), "/new");
});
