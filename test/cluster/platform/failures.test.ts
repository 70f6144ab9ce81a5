import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import type { Artifact, EndpointView, SettingsInput } from "@faas/core";
import { type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import type { V1Deployment } from "@kubernetes/client-node";
import { deploymentFailure } from "../../../packages/platforms/src/kubernetes/reconcile/deployment-failure.ts";
import { registry } from "../cluster.ts";
import { ClusterServer } from "../cluster-server.ts";
import { eventually } from "../eventually.ts";

/** Reasons why an endpoint does not run, as the server's API reports them. */

describe("the failure of a revision", { concurrency: 3 }, () => {
  let control: ClusterServer;
  before(async () => {
    control = await ClusterServer.start();
  });
  after(() => control[Symbol.asyncDispose]());

  /** Deploys an artifact that cannot run, in an organization of its own, and returns the failure. */
  const failureOf = async (artifact: Artifact, settings?: SettingsInput) => {
    const org = control.instance.org();
    const view = await control.deploy(`${org}/x`, artifact, settings);
    assert.equal(view.phase, "failed", JSON.stringify(view));
    return { org, failure: view.failure as NonNullable<EndpointView["failure"]> };
  };

  test("quotes the registry for a missing image, while the previous revision keeps serving", async () => {
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

  test("quotes the connection error of an unreachable registry", async () => {
    const closed = await closedPort();
    const { failure } = await failureOf({ kind: "image", reference: `localhost:${closed}/acme/away:1` });
    assert.equal(failure.code, "IMAGE_PULL_FAILED");
    assert.match(failure.detail, new RegExp(`localhost:${closed}.*connection refused`, "s"));
  });

  test("says that an image is for another CPU", async () => {
    const reference = await foreignImage(await control.instance.image('export const handler = () => "native";'));
    const { failure } = await failureOf({ kind: "image", reference });
    assert.equal(failure.code, "IMAGE_PULL_FAILED");
    assert.match(failure.detail, /^The image \S+ is for another CPU than that of the nodes/);
  });

  test("says how to build an image with a faas wrapper", async () => {
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

  test("has the exit code and the last log lines, also in the response to a request", async () => {
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

  test("has the file and line of an error in loading", async () => {
    const { failure } = await failureOf(await control.instance.image('console.log("so far");\n\nnull.no;\n'));
    assert.equal(failure.code, "FUNCTION_LOAD_FAILED");
    assert.match(failure.detail, /index\.mjs:3: TypeError/);
    assert.ok(failure.lastLogLines.includes("so far"), failure.lastLogLines.join("\n"));
  });

  test("names the memory limit", async () => {
    const source = "const all = [];\nfor (;;) all.push(Buffer.alloc(2 ** 22, 1));\n";
    const { failure } = await failureOf(await control.instance.image(source), { memory: "64Mi" });
    assert.equal(failure.code, "OUT_OF_MEMORY");
    assert.match(failure.detail, /more memory than its limit of 64Mi; deploy it with a larger --memory/);
  });

  test("quotes the scheduler if no node has enough CPU", async () => {
    const image = await control.instance.image('export const handler = () => "never";');
    const org = control.instance.org();
    await control.send("PUT", `/-/orgs/${org}`, { limits: { cpu: "1000" } });
    const view = await control.deploy(`${org}/x`, image, { cpu: "200" });
    assert.equal(view.failure?.code, "UNSCHEDULABLE", JSON.stringify(view));
    assert.match(view.failure?.detail ?? "", /^No node accepts the replica: .*Insufficient cpu/);
    // A request tries again to start a replica.
    const { status, text } = await control.call(`${org}/x`);
    assert.deepEqual([status, JSON.parse(text).code], [503, "UNSCHEDULABLE"]);
  });

  test("quotes an admission policy that rejects pods", async (t) => {
    const org = control.instance.org();
    const { api } = control.instance;
    const name = `faas-${org}`;
    const admission = "/apis/admissionregistration.k8s.io/v1";
    // Applies to this organization's namespace only.
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
    // It takes the API server a moment to apply the policy.
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
    await eventually("pods are rejected", () =>
      api.call("POST", pathOf("Pod", name), { body: pod, query: { dryRun: "All" } }).then(
        () => false,
        ({ message }) => message.includes("nobody may run here"),
      ),
    );
    const image = await control.instance.image('export const handler = () => "never";');
    const { failure, phase } = await control.deploy(`${org}/x`, image);
    assert.deepEqual([phase, failure?.code], ["failed", "POD_REFUSED"]);
    assert.match(failure?.detail ?? "", /^The cluster rejects the replica: .*nobody may run here today/);
  });

  test("quotes pod security", async () => {
    // Pods of faas comply with "restricted", and faas reverts changes of its Deployments: this Deployment is not from faas.
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
    const failure = await eventually("the Deployment gets no pod", async () => {
      const found = await control.instance.api.get<V1Deployment>("Deployment", `faas-${org}`, "root");
      return found && deploymentFailure(found);
    });
    assert.equal(failure.code, "POD_REFUSED");
    assert.match(failure.detail, /^The cluster's pod security rejects the replica: .*violates PodSecurity "restricted/);
    assert.match(failure.detail, /privileged/);
  });

  test("names used-up limits, for a first replica and for a new revision", async () => {
    const org = control.instance.org();
    await control.send("PUT", `/-/orgs/${org}`, { limits: { replicas: 0 } });
    const image = await control.instance.image('export const handler = () => "old";');
    const rejected = await control.send("PUT", `/-/orgs/${org}/endpoints/x`, { artifact: image });
    assert.equal(rejected.problem.code, "LIMIT_EXCEEDED", JSON.stringify(rejected));

    await control.send("PUT", `/-/orgs/${org}`, { limits: { replicas: 1 } });
    await control.deploy(`${org}/x`, image);
    await control.send("PUT", `/-/orgs/${org}`, { limits: { replicas: 0 } });
    // The existing replica answers until it is removed.
    const { status, text } = await eventually("the replica is removed", async () => {
      const response = await control.call(`${org}/x`);
      return response.text !== "old" && response;
    });
    assert.deepEqual([status, JSON.parse(text).code], [503, "REPLICAS_LIMITED"]);

    await control.send("PUT", `/-/orgs/${org}`, { limits: { replicas: 1 } });
    assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "old" });
    const next = await control.deploy(`${org}/x`, await control.instance.image('export const handler = () => "new";'));
    assert.equal(next.failure?.code, "REPLICAS_LIMITED", JSON.stringify(next));
    assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "old" });
  });
});

/** Returns a port that nothing listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Pushes an image index that lists the image for another CPU than that of this machine. */
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
