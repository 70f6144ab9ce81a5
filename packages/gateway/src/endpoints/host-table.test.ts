import assert from "node:assert/strict";
import { test } from "node:test";
import { HostTable } from "./host-table.ts";

test("finds the endpoint in a name below localhost, however the host is written", () => {
  const hosts = new HostTable();
  for (const host of ["x.acme.localhost", "x.acme.localhost:8887", "X.Acme.LocalHost.:80", "x.acme.localhost."])
    for (const _ of ["unknown", "known"]) assert.equal(hosts.find(host), "acme/x", host);
});

test("leaves other hosts to the path", () => {
  const hosts = new HostTable();
  for (const host of [
    "",
    "localhost",
    "localhost:8887",
    "acme.localhost",
    "a.x.acme.localhost",
    "x.acme.localhost.example",
    "x_y.acme.localhost",
    "x.system.localhost",
    ".acme.localhost",
    "127.0.0.1:8887",
    "[::1]:8887",
    "faas.example",
    "__proto__",
  ])
    for (const _ of ["unknown", "known"]) assert.equal(hosts.find(host), undefined, host);
});

test("finds the endpoint that a hostname is assigned to, until it is not", () => {
  const hosts = new HostTable();
  assert.equal(hosts.find("api.example.com"), undefined);
  hosts.assign("acme/x", ["api.example.com", "www.example.com"]);
  for (const host of ["api.example.com", "API.example.com:443", "www.example.com."])
    assert.equal(hosts.find(host), "acme/x");
  hosts.assign("acme/x", ["api.example.com"]);
  assert.equal(hosts.find("www.example.com"), undefined);
  // Moved: the new owner may be assigned before the previous one is removed.
  hosts.assign("acme/y", ["api.example.com"]);
  hosts.assign("acme/x", undefined);
  assert.equal(hosts.find("api.example.com"), "acme/y");
  hosts.assign("acme/y", undefined);
  assert.equal(hosts.find("api.example.com"), undefined);
});

test("finds endpoints also after a client has sent thousands of hosts", () => {
  const hosts = new HostTable();
  for (let i = 0; i < 5_000; i++) hosts.find(`x.acme${i}.localhost`);
  assert.equal(hosts.find("x.acme0.localhost"), "acme0/x");
});
