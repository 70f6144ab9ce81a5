import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findAllowedDestination, patternFor } from "../organizations/destination-patterns.ts";
import { limitsSchema } from "../organizations/limits.ts";
import { asyncSettingsSchema } from "./async-settings.ts";
import { parseDestination } from "./destination.ts";

const isValid = (onFailure: string) => asyncSettingsSchema.safeParse({ onFailure }).success;
const isPattern = (entry: string) => limitsSchema.safeParse({ destinations: [entry] }).success;

describe("a destination", () => {
  test("is an endpoint, with a path or without", () => {
    assert.deepEqual(parseDestination("alerts"), { kind: "endpoint", endpoint: "alerts", target: "/" });
    assert.deepEqual(parseDestination("alerts/a?b=/c"), { kind: "endpoint", endpoint: "alerts", target: "/a?b=/c" });
  });

  for (const text of [
    "alerts",
    "a/..b",
    "a/%20",
    "a/b?x=../y",
    "https://a.example/x?y=1,z",
    "http://[::1]:80/",
    "https://a.example",
  ])
    test(`can be ${text}`, () => assert.ok(isValid(text)));

  for (const text of [
    ...["", "A", "a b", "/a", "a/../b", "a/%2e%2E", "a/%", "a/x\r\ny", "a/#b", "acme.com", "x".repeat(64)],
    ...[
      "ftp://a.example",
      "https://user:pass@a.example",
      "https://a.example/#b",
      "https://",
      "https://a:99999/",
      "//a",
    ],
  ])
    test(`cannot be ${JSON.stringify(text.slice(0, 40))}`, () => assert.ok(!isValid(text)));
});

describe("an entry of the list of destinations", () => {
  const allows = (entry: string, url: string) => findAllowedDestination(new URL(url), [entry]);
  for (const [entry, url, isPrivate] of [
    ["hooks.example.com", "https://hooks.example.com/x", false],
    ["Hooks.Example.com", "https://hooks.example.com.", false],
    ["*.example.com", "https://a.example.com", false],
    ["a.example:8443", "https://a.example:8443/", false],
    ["a.example:443", "https://a.example/", false],
    ["http://a.example", "http://a.example:80/", false],
    ["private:a.internal", "https://a.internal", true],
    ["private:http://localhost:9000", "http://localhost:9000/x", true],
    ["http://10.0.0.5:8080", "http://10.0.0.5:8080/", true],
    ["http://10.0.0.5", "http://0x0a.5/", true],
    ["[fd00::1]", "https://[FD00::1]/", true],
  ] as const)
    test(`${entry} allows ${url}`, () => assert.deepEqual(allows(entry, url), { isPrivate }));

  for (const [entry, url] of [
    ["hooks.example.com", "http://hooks.example.com"],
    ["hooks.example.com", "https://hooks.example.com:8443"],
    ["hooks.example.com", "https://hooks.example.com.evil.example"],
    ["example.com", "https://a.example.com"],
    ["*.example.com", "https://example.com"],
    ["*.example.com", "https://a.b.example.com"],
    ["*.example.com", "https://evilexample.com"],
    ["http://a.example", "https://a.example"],
    ["10.0.0.5", "https://10.0.0.50"],
  ] as const)
    test(`${entry} does not allow ${url}`, () => assert.equal(allows(entry, url), undefined));

  for (const entry of [
    "",
    "*",
    "*.*.com",
    "a.*.com",
    "ftp://a",
    "a/b",
    "user@a",
    "a b",
    "a:x",
    "a:99999",
    "private:",
    "1.2.3.999",
  ])
    test(`cannot be ${JSON.stringify(entry)}`, () => assert.ok(!isPattern(entry)));

  test("allows a URL where it was made for the message about it", () => {
    for (const text of ["https://a.example/x", "http://a.example:81/", "https://[fd00::1]:1/"]) {
      const url = new URL(text);
      assert.ok(isPattern(patternFor(url)));
      assert.ok(findAllowedDestination(url, [patternFor(url)]));
    }
  });
});
