import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { parseAllDocuments } from "yaml";
import { runHere } from "../testing/test-cli.ts";

/** Tests without a cluster; test/cluster/install/install.test.ts has the others. */

const run = (t: Parameters<typeof runHere>[0], argv: string[], env: Record<string, string> = {}) =>
  runHere(t, argv, { cwd: tmpdir(), env });

// biome-ignore lint/suspicious/noExplicitAny: objects of several kinds
const serverOf = (objects: readonly any[]) =>
  objects.find(({ kind, metadata }) => kind === "Deployment" && metadata.name === "faas-server");

test("install --dry-run prints every object as YAML, without a cluster", async (t) => {
  const argv = ["install", "--dry-run", "--namespace", "tools", "--expose", "hostport", "--storage", "5Gi"];
  const { code, stdout, stderr } = await run(t, argv, { FAAS_REGISTRY_PUSH: "registry.example.com/team" });
  assert.equal(code, 0, stderr);
  const objects = parseAllDocuments(stdout).map((document) => document.toJS());
  assert.deepEqual(
    objects.map(({ kind }) => kind),
    [
      "Namespace",
      "ServiceAccount",
      "ClusterRole",
      "ClusterRoleBinding",
      "ValidatingAdmissionPolicy",
      "ValidatingAdmissionPolicyBinding",
      "PersistentVolumeClaim",
      "Secret",
      "Deployment",
      "Service",
    ],
  );
  const [container] = objects.at(-2).spec.template.spec.containers;
  assert.match(container.image, /^registry\.example\.com\/team\/faas\/server:\d+\.\d+\.\d+$/);
  assert.equal(container.ports[0].hostPort, 8887);
  assert.match(stderr, /Nothing was built or applied/);
  assert.match(stderr, /Secret faas-admin-key holds a new admin key/);
  assert.ok(container.args.includes("--admin-key-file"));
});

test("install --auth off creates no key, and --allow-images is passed to the server", async (t) => {
  const argv = [
    "install",
    "--dry-run",
    "--image",
    "x",
    "--auth",
    "off",
    "--allow-images",
    "ghcr.io/team, quay.io/{org}",
  ];
  const { code, stdout, stderr } = await run(t, argv);
  assert.equal(code, 0, stderr);
  const objects = parseAllDocuments(stdout).map((document) => document.toJS());
  assert.ok(!objects.some(({ metadata }) => metadata.name === "faas-admin-key"));
  const { args } = serverOf(objects).spec.template.spec.containers[0];
  assert.equal(args[args.indexOf("--auth") + 1], "off");
  assert.equal(args[args.indexOf("--allow-images") + 1], "ghcr.io/team,quay.io/{org}");
  const wrong = await run(t, ["install", "--dry-run", "--allow-images", "http://x y"]);
  assert.match(wrong.stderr, /`--allow-images` option to be registries or repositories.*got "http/);
});

test("install passes --access-log and --log-request-ids to the server", async (t) => {
  const options = ["--access-log", "off", "--log-request-ids", "off"];
  const { stdout } = await run(t, ["install", "--dry-run", "--image", "x", ...options]);
  const objects = parseAllDocuments(stdout).map((document) => document.toJS());
  const { args } = serverOf(objects).spec.template.spec.containers[0];
  for (const name of ["--access-log", "--log-request-ids"]) assert.equal(args[args.indexOf(name) + 1], "off");
});

test("install --dry-run -o json prints one List with the given image", async (t) => {
  const { code, stdout } = await run(t, ["install", "--dry-run", "-o", "json", "--image", "r.example.com/s:1"]);
  assert.equal(code, 0);
  const { kind, items } = JSON.parse(stdout);
  assert.equal(kind, "List");
  assert.equal(serverOf(items).spec.template.spec.containers[0].image, "r.example.com/s:1");
});

test("install --gateways adds gateways in pods of their own", async (t) => {
  const argv = ["install", "--dry-run", "--image", "x", "-o", "json", "--gateways"];
  const deployments = async (gateways: string) => {
    const { stdout } = await run(t, [...argv, gateways]);
    const items: { kind: string; metadata: { name: string }; spec: { replicas: number } }[] = JSON.parse(stdout).items;
    return items
      .filter(({ kind }) => kind === "Deployment")
      .map(({ metadata, spec }) => [metadata.name, spec.replicas]);
  };
  assert.deepEqual(await deployments("0"), [["faas-server", 1]]);
  for (const gateways of ["3", "3-5"])
    assert.deepEqual(await deployments(gateways), [
      ["faas-server", 1],
      ["faas-gateway", 3],
    ]);
});

test("install --queue and --registry-hook-token-file are in a Secret of the printed objects", async (t) => {
  const folder = tempDir("install");
  await writeFile(join(folder, "token"), "0123456789abcdef\n");
  const argv = ["install", "--dry-run", "--image", "x", "--registry-hook-token-file", join(folder, "token")];
  const { code, stdout, stderr } = await run(t, argv, { FAAS_QUEUE: "nats://faas:pa55word@nats" });
  assert.equal(code, 0, stderr);
  assert.ok(!stdout.includes("pa55word"));
  const objects = parseAllDocuments(stdout).map((document) => document.toJS());
  const { data } = objects.find(({ metadata }) => metadata.name === "faas-server-secrets");
  const text = (key: string) => Buffer.from(data[key], "base64").toString();
  assert.deepEqual([text("queue-url"), text("registry-hook-token")], ["nats://faas:pa55word@nats", "0123456789abcdef"]);
  assert.match(stderr, /Secret faas-server-secrets .*Keep it out of version control/);
});

for (const [argv, words] of [
  [["--queue", "http://user:pa55word@nats"], /Expected nats:\/\/HOST:PORT/],
  [["--queue-credentials", "user.creds"], /user\.creds|requires --queue/],
  [["--registry-hook-token-file", "missing"], /readable file in --registry-hook-token-file/],
] as const)
  test(`install rejects ${argv[0]} with a wrong value before it connects`, async (t) => {
    const { code, stdout, stderr } = await run(t, ["install", "--dry-run", "--image", "x", ...argv]);
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, words);
    assert.ok(!stderr.includes("pa55word"));
  });

test("install rejects invalid values before it connects", async (t) => {
  for (const [option, value, words] of [
    ["--expose", "tunnel", /`--expose` option to be one of none, .*, loadbalancer, ingress, gateway, got "tunnel"/],
    ["--chart", import.meta.dirname, /Expected a new or empty folder for the chart, got .*commands, which has files/],
    ["--host", "two words", /`--host` option to be a hostname such as faas\.example\.com/],
    ["--gateway", "a/b/c", /`--gateway` option to be NAME or NAME\/NAMESPACE/],
    ["--namespace", "Tools", /`--namespace` option to be lower-case letters/],
    ["--gateways", "5-2", /`--gateways` option to be a number from 0 to 100, or a range/],
    ["--gateways", "0-2", /`--gateways` option to be a number from 0 to 100, or a range/],
    ["--storage", "much", /`--storage` option to be a size such as 1Gi, got "much"/],
    ["--timeout", "soon", /`--timeout` option to be a duration such as 2m, got "soon"/],
    ["--pool-size", "many", /`--pool-size` option to be a whole number from 0 to 100/],
    ["--startup-cpu", "fast", /`--startup-cpu` option to be a CPU quantity/],
    ["--cpu-max", "fast", /`--cpu-max` option to be a CPU quantity such as 500m or 1, or none/],
  ] as const) {
    const { code, stderr } = await run(t, ["install", option, value]);
    assert.equal(code, 2, option);
    assert.match(stderr, words);
  }
});

test("uninstall without a terminal requires --yes", async (t) => {
  const { code, stderr } = await run(t, ["uninstall"]);
  assert.equal(code, 2);
  assert.match(stderr, /--yes/);
});
