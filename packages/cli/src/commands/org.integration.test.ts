import assert from "node:assert/strict";
import { test } from "node:test";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();
const login = ["org", "registry-login", "acme", "--username", "bot", "--registry", "registry.example.com"];

test("org registry-login is rejected by a platform that pulls no images", async (t) => {
  const { code, stderr } = await server.run(t, [...login, "--password-stdin"], { input: "secret\n" });
  assert.equal(code, 1);
  assert.match(stderr, /The embedded platform pulls no images and needs no login \(CAPABILITY_MISSING\)/);
  assert.doesNotMatch(stderr, /secret/);
});

for (const [argv, input, expected] of [
  [login, "secret", /required option '--password-stdin'/],
  [["org", "registry-login", "acme", "--password-stdin"], "secret", /required option '--username/],
  [[...login, "--password-stdin"], "\n", /Expected the password on standard input, got nothing/],
  [
    ["org", "registry-login", "Acme!", ...login.slice(3), "--password-stdin"],
    "secret",
    /organization name .* got "Acme!"/,
  ],
] as const) {
  test(`wrong usage: ${argv.join(" ")}`, async (t) => {
    const { code, stderr } = await server.run(t, argv, { input });
    assert.equal(code, 2);
    assert.match(stderr, expected);
  });
}

test("org limit sets and removes single limits, which org describe shows with their use", async (t) => {
  await server.deploy("limited/hello", 'export const handler = () => "hi";');
  const rates = ["--requests-per-second", "100", "--burst", "200"];
  const set = [...rates, "--endpoints", "1", "--memory", "8Gi", "--cpu", "4", "--warm-pods", "3"];
  const placed = ["--node-selector", "pool=acme", "--tolerations", "spot,dedicated=acme:NoSchedule"];
  const first = await server.run(t, ["org", "limit", "limited", ...set, ...placed]);
  assert.equal(first.code, 0, first.stderr);
  const second = await server.run(t, ["org", "limit", "limited", "--burst", "none", "--body-size", "1Mi"]);
  assert.equal(second.code, 0, second.stderr);
  const { stdout } = await server.run(t, ["org", "describe", "limited"]);
  assert.match(stdout, /^organization {2}limited$/m);
  const rows = Object.fromEntries(
    stdout
      .split("\n")
      .filter((line) => /^[a-z-]+ {2,}\S+ {2,}/.test(line))
      .map((line) => [line.split(/ {2,}/)[0], line.split(/ {2,}/).slice(1)]),
  );
  assert.match(rows["bundle-bytes"]?.[0] ?? "", /^\d+(\.\d)?Ki$/);
  delete rows["bundle-bytes"];
  assert.deepEqual(rows, {
    endpoints: ["1", "1"],
    replicas: ["1", "none"],
    cpu: ["0.1", "4"],
    "cpu-max": ["-", "none"],
    memory: ["256Mi", "8Gi"],
    disk: ["1Gi", "none"],
    "requests-per-second": ["0", "100"],
    burst: ["-", "none"],
    "concurrent-requests": ["0", "10000 (default)"],
    "waiting-calls": ["0", "100000 (default)"],
    "waiting-bytes": ["0", "1Gi (default)"],
    "body-size": ["-", "1Mi"],
    revisions: ["-", "20 (default)"],
    "warm-pods": ["-", "3"],
    hostnames: ["none", "none"],
    destinations: ["-", "none"],
    "nats-subjects": ["-", "none"],
    resources: ["-", "none"],
    "node-selector": ["-", "pool=acme"],
    tolerations: ["-", "spot, dedicated=acme:NoSchedule"],
    "priority-class": ["-", "none"],
    "runtime-class": ["-", "none"],
  });
  const third = await server.run(t, ["org", "limit", "limited", "--burst", "5"]);
  assert.equal(third.code, 0, third.stderr);
  await server.run(t, ["org", "limit", "limited", "--burst", "none"]);
  const json = JSON.parse((await server.run(t, ["org", "describe", "limited", "--output", "json"])).stdout);
  assert.deepEqual(json.limits, {
    endpoints: 1,
    cpu: "4",
    memory: "8Gi",
    requestsPerSecond: 100,
    bodySize: "1Mi",
    warmPods: 3,
    nodeSelector: { pool: "acme" },
    tolerations: ["spot", "dedicated=acme:NoSchedule"],
  });
});

test("org limit allows hostnames, which deploy --hostname assigns", async (t) => {
  const code = "export const handler = ({ path }) => path;";
  await server.deploy("hosts/plain", code);
  const source = await server.source("hosted", code);
  const deploy = () =>
    server.run(t, [
      ...["deploy", source, "--org", "hosts", "--endpoint", "hosted"],
      ...["--hostname", "Shop.example.org", "--hostname", "b\u00fccher.example"],
    ]);
  assert.match((await deploy()).stderr, /faas org limit hosts --hostnames '[^']+' \(HOSTNAME_NOT_ALLOWED\)/);
  const limit = await server.run(t, ["org", "limit", "hosts", "--hostnames", "*.example.org, b\u00fccher.example"]);
  assert.match(limit.stdout, /^hostnames +none +\*\.example\.org, xn--bcher-kva\.example$/m);
  const deployed = await deploy();
  assert.equal(deployed.code, 0, deployed.stderr);
  const { stdout } = await server.run(t, ["describe", "hosts/hosted"]);
  assert.match(stdout, /^hostnames +shop\.example\.org, xn--bcher-kva\.example$/m);
});

test("org limit allows the hosts of URLs, which deploy --async passes calls on to", async (t) => {
  const source = await server.source("passing", "export const handler = () => 1;");
  const deploy = () =>
    server.run(t, [
      ...["deploy", source, "--org", "passing", "--endpoint", "jobs"],
      ...["--async", "onFailure=https://hooks.example.com/a?b=c,on-success=alerts"],
    ]);
  assert.match(
    (await deploy()).stderr,
    /faas org limit passing --destinations 'hooks.example.com' \(DESTINATION_NOT_ALLOWED\)/,
  );
  const wrong = await server.run(t, ["org", "limit", "passing", "--destinations", "hooks.example.com/a"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /hosts separated by commas, or none: expected a host such as hooks.example.com/);
  assert.equal((await server.run(t, ["org", "create", "passing"])).code, 0);
  const limit = await server.run(t, ["org", "limit", "passing", "--destinations", "*.example.com, private:a.internal"]);
  assert.match(limit.stdout, /^destinations +- +\*\.example\.com, private:a\.internal$/m);
  const deployed = await deploy();
  assert.equal(deployed.code, 0, deployed.stderr);
  const { stdout } = await server.run(t, ["config", "passing/jobs"]);
  assert.match(stdout, /onSuccess=alerts,onFailure=https:\/\/hooks\.example\.com\/a\?b=c/);
});

test("org signing-key prints the key on stdout, and replaces it", async (t) => {
  assert.equal((await server.run(t, ["org", "create", "signing"])).code, 0);
  const { stdout, stderr } = await server.run(t, ["org", "signing-key", "signing"]);
  assert.match(stdout, /^whsec_[A-Za-z0-9+/]{43}=\n$/);
  assert.equal(stderr, "");
  const rotated = await server.run(t, ["org", "signing-key", "signing", "--rotate"]);
  assert.notEqual(rotated.stdout, stdout);
  assert.match(rotated.stderr, /The previous key signs calls too until \d{4}-/);
  const json = JSON.parse((await server.run(t, ["org", "signing-key", "signing", "--output", "json"])).stdout);
  assert.deepEqual([json.key, json.previous.key], [rotated.stdout.trim(), stdout.trim()]);
  assert.match((await server.run(t, ["org", "signing-key", "sining"])).stderr, /ORG_NOT_FOUND/);
});

test("org limit rejects deployments over the limit of endpoints, and bundles over the limit of bytes", async (t) => {
  await server.deploy("full/hello", 'export const handler = () => "hi";');
  await server.run(t, ["org", "limit", "full", "--endpoints", "1"]);
  const source = await server.source("over", 'export const handler = () => "over";');
  const over = await server.run(t, ["deploy", source, "--org", "full", "--endpoint", "over"]);
  assert.equal(over.code, 1);
  assert.match(
    over.stderr,
    /its other endpoints take 1 endpoint, this one asks for 1 endpoint, and the limit is 1 endpoint;/,
  );
  assert.match(over.stderr, /\(LIMIT_EXCEEDED\)/);
  await server.run(t, ["org", "limit", "full", "--bundle-bytes", "1Ki", "--endpoints", "none"]);
  const other = await server.source("large", 'export const handler = () => "large";');
  const large = await server.run(t, ["deploy", other, "--org", "full", "--endpoint", "over"]);
  assert.equal(large.code, 1);
  assert.match(large.stderr, /no room for the bundle: its bundles take .*, and the limit is 1Ki/);
});

for (const [argv, code, expected] of [
  [["limit", "limited"], 2, /Expected a limit to set, such as --requests-per-second 100/],
  [["limit", "limited", "--cpu", "x"], 2, /`--cpu` option to be a CPU quantity such as 4 or 500m, or none, got "x"/],
  [["limit", "limited", "--endpoints", "1.5"], 2, /`--endpoints` option to be a whole number, 0 or more, or none/],
  [["limit", "limited", "--requests-per-second", "0"], 2, /a number from 0.01 to 1000000, or none, got "0"/],
  [["limit", "limited", "--body-size", "1MB"], 2, /a size such as 512Mi or 8Gi, or none, got "1MB"/],
  [["limit", "limited", "--burst", "5", "--requests-per-second", "none"], 1, /"burst" together with/],
  [
    ["limit", "limited", "--hostnames", "*.*.example"],
    2,
    /`--hostnames` option to be hostnames .* got "\*\.\*\.example"/,
  ],
  [["limit", "limted", "--cpu", "1"], 1, /There is no organization "limted"/],
  [["describe", "limted"], 1, /There is no organization "limted"/],
  [["describe", "No!"], 2, /organization name .* got "No!"/],
] as const) {
  test(`wrong usage: org ${argv.join(" ")}`, async (t) => {
    const ended = await server.run(t, ["org", ...argv]);
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, expected);
  });
}
