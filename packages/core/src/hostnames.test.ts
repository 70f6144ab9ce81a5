import assert from "node:assert/strict";
import { test } from "node:test";
import { hostnamePatternSchema, hostnameSchema } from "./hostname-schemas.ts";
import { asciiHostname, hostnameOf, isHostnameAllowed, normalizedHostnames } from "./hostnames.ts";

test("hostnameOf ignores the port, upper case and the dot at the end", () => {
  for (const host of ["api.example.com", "API.Example.com:8887", "api.example.com.", "api.example.com.:443"])
    assert.equal(hostnameOf(host), "api.example.com");
  assert.equal(hostnameOf("[::1]:8887"), "[::1]");
});

test("an endpoint may have names of RFC 1123, in the form of DNS", () => {
  for (const name of ["api.example.com", "API.example.com.", "intranet", "3com.example", "xn--bcher-kva.example"])
    assert.ok(hostnameSchema.safeParse(name).success, name);
  for (const name of [
    "",
    "*.example.com",
    "a_b.example",
    "-a.example",
    "a..b",
    "a.example:80",
    "a/b",
    "1.2.3.4",
    "::1",
  ])
    assert.ok(!hostnameSchema.safeParse(name).success, name);
});

test("names below localhost are not assigned: they belong to <endpoint>.<org>.localhost", () => {
  for (const name of ["localhost", "LOCALHOST.", "x.acme.localhost"]) {
    assert.match(String(hostnameSchema.safeParse(name).error), /names below localhost cannot be assigned/, name);
    assert.ok(!hostnamePatternSchema.safeParse(name).success, name);
  }
});

test("the error for a name with other characters than ASCII has its form of DNS", () => {
  assert.equal(asciiHostname("bücher.example"), "xn--bcher-kva.example");
  assert.equal(asciiHostname("*.bücher.example"), "*.xn--bcher-kva.example");
  assert.match(String(hostnameSchema.safeParse("bücher.example").error), /"xn--bcher-kva.example\\"/);
});

test("hostnames are compared in lower case, and listed once", () => {
  assert.deepEqual(normalizedHostnames(["b.example", "A.example.", "a.example"]), ["a.example", "b.example"]);
});

test("an entry of the list is a name, or allows one label in place of the star", () => {
  const patterns = ["*.Example.com", "shop.example.org."];
  for (const name of ["api.example.com", "www.example.com", "shop.example.org"])
    assert.ok(isHostnameAllowed(name, patterns), name);
  for (const name of [
    "example.com",
    "a.b.example.com",
    "example.org",
    "xexample.com",
    "com",
    "api.example.com.evil.org",
  ])
    assert.ok(!isHostnameAllowed(name, patterns), name);
  for (const pattern of ["*", "*.*.com", "a.*.com", "a*.example.com", "*example.com", "**.example.com"])
    assert.ok(!hostnamePatternSchema.safeParse(pattern).success, pattern);
});
