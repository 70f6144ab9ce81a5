import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import type { Artifact, EndpointView, SettingsInput } from "@faas/core";
import { type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import type { V1Deployment } from "@kubernetes/client-node";
import { deploymentTrouble } from "../../../packages/platforms/src/kubernetes/pods/pod-facts.ts";
import { registry } from "../cluster.ts";
import { ClusterServer } from "../cluster-server.ts";
import { until } from "../until.ts";

/** Why an endpoint does not run, in words: what the cluster says of its pods, through the server's API. */

describe("what keeps a revision from running is said", { concurrency: 3 }, () => {
  let control: ClusterServer;
  before(async () => {
    control = await ClusterServer.start();
  });
  after(() => control[Symbol.asyncDispose]());

  /** Deploys what cannot run, in an organization of its own; gives the reason. */
  const failureOf = async (artifact: Artifact, settings?: SettingsInput) => {
    const org = control.instance.org();
    const view = await control.deploy(`${org}/x`, artifact, settings);
    assert.equal(view.phase, "failed", JSON.stringify(view));
    return { org, failure: view.failure as NonNullable<EndpointView["failure"]> };
  };

  test("an image that does not exist: the registry's reason; the old revision goes on serving", async () => {
    const org = control.instance.org();
    const first = await control.deploy(`${org}/x`, await control.instance.image('export const handler = () => "old";'));
    assert.equal(first.phase, "ready", JSON.stringify(first));
    const reference = `${registry.pull}/${org}/never-pushed:1`;
    const view = await control.deploy(`${org}/x`, { kind: "image", reference });
    assert.equal(view.failure?.code, "IMAGE_PULL_FAILED");
    assert.match(view.failure?.detail ?? "", /^The image \S+\/never-pushed:1 cannot be pulled: .*not found/s);
    assert.deepEqual([view.phase, view.revision, view.deploying], ["ready", first.revision, undefined]);
    assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "old" });
  });

  test("a registry that is away during the pull", async () => {
    const closed = await closedPort();
    const { failure } = await failureOf({ kind: "image", reference: `localhost:${closed}/acme/away:1` });
    assert.equal(failure.code, "IMAGE_PULL_FAILED");
    assert.match(failure.detail, new RegExp(`localhost:${closed}.*connection refused`, "s"));
  });

  test("an image for another CPU", async () => {
    const reference = await foreignImage(await control.instance.image('export const handler = () => "native";'));
    const { failure } = await failureOf({ kind: "image", reference });
    assert.equal(failure.code, "IMAGE_PULL_FAILED");
    assert.match(failure.detail, /^The image \S+ is for another CPU than the nodes'/);
  });

  test("an image without our wrapper: how to make one that has it", async () => {
    const image = await control.instance.imageOf({
      Dockerfile: 'FROM node:24-slim\nCOPY server.mjs /\nUSER 1000\nCMD ["node", "/server.mjs"]\n',
      "server.mjs": `import { createServer } from "node:http";
createServer((_, answer) => answer.writeHead(404).end("no such page")).listen(process.env.PORT);
`,
    });
    const { failure } = await failureOf(image, { runtime: "node" });
    assert.equal(failure.code, "FUNCTION_LOAD_FAILED");
    assert.match(
      failure.detail,
      /not as a faas wrapper does \(GET \/-\/ready gave 404\)\. Build it with "faas deploy".*--runtime dockerfile$/,
    );
  });

  test("code that exits while it loads: exit code and last lines; a request is told the same", async () => {
    const { org, failure } = await failureOf(
      await control.instance.image('console.log("last words");\nprocess.exit(7);\n'),
    );
    assert.equal(failure.code, "REPLICA_EXITED");
    assert.match(failure.detail, /ended with exit code 7/);
    assert.deepEqual(failure.lastLogLines, ["last words"]);
    const { status, text } = await control.call(`${org}/x`);
    assert.equal(status, 502);
    assert.equal(JSON.parse(text).code, "REPLICA_EXITED");
  });

  test("code that does not load: file and line", async () => {
    const { failure } = await failureOf(await control.instance.image('console.log("so far");\n\nnull.no;\n'));
    assert.equal(failure.code, "FUNCTION_LOAD_FAILED");
    assert.match(failure.detail, /index\.mjs:3: TypeError/);
    assert.ok(failure.lastLogLines.includes("so far"), failure.lastLogLines.join("\n"));
  });

  test("more memory than the limit", async () => {
    const source = "const all = [];\nfor (;;) all.push(Buffer.alloc(2 ** 22, 1));\n";
    const { failure } = await failureOf(await control.instance.image(source), { memory: "64Mi" });
    assert.equal(failure.code, "OUT_OF_MEMORY");
    assert.match(failure.detail, /more memory than its limit of 64Mi; deploy it with a larger --memory/);
  });

  test("more CPU than any node has", async () => {
    const image = await control.instance.image('export const handler = () => "never";');
    const org = control.instance.org();
    await control.send("PUT", `/-/orgs/${org}`, { limits: { cpu: "1000" } });
    const view = await control.deploy(`${org}/x`, image, { cpu: "200" });
    assert.equal(view.failure?.code, "UNSCHEDULABLE", JSON.stringify(view));
    assert.match(view.failure?.detail ?? "", /^No node takes the replica: .*Insufficient cpu/);
    // It may be otherwise now: a request tries again, and waits for that.
    const { status, text } = await control.call(`${org}/x`);
    assert.deepEqual([status, JSON.parse(text).code], [503, "UNSCHEDULABLE"]);
  });

  test("pods that the cluster's own rules refuse: the rule's words", async (t) => {
    const org = control.instance.org();
    const { api } = control.instance;
    const name = `faas-${org}`;
    const admission = "/apis/admissionregistration.k8s.io/v1";
    // Of this organization's namespace alone.
    const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": name } };
    const rule = { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] };
    const validations = [{ expression: "false", message: "nobody may run here today" }];
    const made = [
      ["validatingadmissionpolicies", { matchConstraints: { namespaceSelector, resourceRules: [rule] }, validations }],
      ["validatingadmissionpolicybindings", { policyName: name, validationActions: ["Deny"] }],
    ] as const;
    for (const [plural, spec] of made) {
      t.after(() => api.call("DELETE", `${admission}/${plural}/${name}`));
      const kind = plural.endsWith("bindings") ? "ValidatingAdmissionPolicyBinding" : "ValidatingAdmissionPolicy";
      const body = { apiVersion: "admissionregistration.k8s.io/v1", kind, metadata: { name }, spec };
      await api.call("POST", `${admission}/${plural}`, { body });
    }
    await control.send("PUT", `/-/orgs/${org}`);
    // It takes the API server a moment to hear of it.
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "probe", namespace: name },
      spec: {
        securityContext: { runAsNonRoot: true, runAsUser: 1, seccompProfile: { type: "RuntimeDefault" } },
        containers: [
          {
            name: "none",
            image: "none",
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
          },
        ],
      },
    };
    await until("pods are refused", () =>
      api.call("POST", pathOf("Pod", name), { body: pod, query: { dryRun: "All" } }).then(
        () => undefined,
        ({ message }) => (message.includes("nobody may run here") ? true : undefined),
      ),
    );
    const image = await control.instance.image('export const handler = () => "never";');
    const { failure, phase } = await control.deploy(`${org}/x`, image);
    assert.deepEqual([phase, failure?.code], ["failed", "POD_REFUSED"]);
    assert.match(failure?.detail ?? "", /^The cluster refuses the replica: .*nobody may run here today/);
  });

  test("pods that pod security refuses, in the cluster's own words", async () => {
    // Ours ask for less than "restricted" allows, and what else a Deployment of ours is given is taken away: this one is not ours.
    const org = control.instance.org();
    await control.send("PUT", `/-/orgs/${org}`);
    const labels = { run: "root" };
    const containers = [{ name: "root", image: "none", securityContext: { privileged: true, runAsUser: 0 } }];
    await control.instance.api.create({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "root", namespace: `faas-${org}` },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
    } as KubernetesObject);
    const trouble = await until("the Deployment gets no pod", async () => {
      const found = await control.instance.api.get<V1Deployment>("Deployment", `faas-${org}`, "root");
      return found && deploymentTrouble(found);
    });
    assert.equal(trouble.code, "POD_REFUSED");
    assert.match(trouble.detail, /^The cluster's pod security refuses the replica: .*violates PodSecurity "restricted/);
    assert.match(trouble.detail, /privileged/);
  });

  test("no room in the limits: for a first replica, and for a new revision beside the old one", async () => {
    const org = control.instance.org();
    await control.send("PUT", `/-/orgs/${org}`, { limits: { replicas: 0 } });
    const image = await control.instance.image('export const handler = () => "old";');
    const refused = await control.send("PUT", `/-/orgs/${org}/endpoints/x`, { artifact: image });
    assert.equal(refused.problem.code, "LIMIT_EXCEEDED", JSON.stringify(refused));

    await control.send("PUT", `/-/orgs/${org}`, { limits: { replicas: 1 } });
    await control.deploy(`${org}/x`, image);
    await control.send("PUT", `/-/orgs/${org}`, { limits: { replicas: 0 } });
    // Until it is taken away the one that there was answers.
    const { status, text } = await until("the replica is taken away", async () => {
      const answer = await control.call(`${org}/x`);
      return answer.text === "old" ? undefined : answer;
    });
    assert.deepEqual([status, JSON.parse(text).code], [503, "REPLICAS_LIMITED"]);

    await control.send("PUT", `/-/orgs/${org}`, { limits: { replicas: 1 } });
    assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "old" });
    const next = await control.deploy(`${org}/x`, await control.instance.image('export const handler = () => "new";'));
    assert.equal(next.failure?.code, "REPLICAS_LIMITED", JSON.stringify(next));
    assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "old" });
  });
});

/** Nothing listens on it. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Puts an index into the registry that names an image for a CPU that no node here has. */
async function foreignImage(image: Artifact): Promise<string> {
  const [repository = "", digest = ""] = image.kind === "image" ? image.reference.split("@") : [];
  const path = repository.slice(repository.indexOf("/") + 1);
  const base = `http://${registry.push}/v2/${path}/manifests`;
  const known = await fetch(`${base}/${digest}`, {
    headers: {
      accept: "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json",
    },
  });
  const mediaType = known.headers.get("content-type") as string;
  const size = (await known.arrayBuffer()).byteLength;
  const architecture = process.arch === "x64" ? "arm64" : "amd64";
  const type = "application/vnd.oci.image.index.v1+json";
  const manifests = [{ mediaType, digest, size, platform: { os: "linux", architecture } }];
  const put = await fetch(`${base}/foreign`, {
    method: "PUT",
    headers: { "content-type": type },
    body: JSON.stringify({ schemaVersion: 2, mediaType: type, manifests }),
  });
  assert.equal(put.status, 201, await put.text());
  return `${repository}:foreign`;
}
