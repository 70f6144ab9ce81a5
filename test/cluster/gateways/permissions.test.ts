import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ClusterServer } from "../cluster-server.ts";
import { GatewayAccount } from "./gateway-account.ts";

/** The permissions of gateways, as the API server enforces them. */

let account: GatewayAccount;
let server: ClusterServer;
/** Another control server on the same cluster. */
let other: ClusterServer;
before(async () => {
  other = await ClusterServer.start();
  account = await GatewayAccount.create();
  server = await ClusterServer.start({ namespace: account.namespace });
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  await account?.[Symbol.asyncDispose]();
  await other?.[Symbol.asyncDispose]();
});

interface Rules {
  readonly status: {
    readonly resourceRules: readonly { apiGroups: string[]; resources: string[]; verbs: string[] }[];
  };
}

/** Sets the number of replicas of a Deployment; returns the reason of a rejection. */
const scale = (namespace: string, deployment: string, replicas: number) =>
  account.api
    .call("PATCH", `/apis/apps/v1/namespaces/${namespace}/deployments/${deployment}/scale`, {
      body: { spec: { replicas } },
      contentType: "application/merge-patch+json",
      query: { fieldManager: "faas-gateway" },
    })
    .then(
      () => "allowed",
      (error: Error) => error.message,
    );

test("a gateway may list and watch EndpointSlices, read and set scales, and ask for its own permissions", async () => {
  for (const namespace of ["default", "kube-system", account.namespace]) {
    const { status } = await account.api.call<Rules>("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {
      body: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectRulesReview", spec: { namespace } },
    });
    // Kubernetes allows every account to ask about itself ("system:basic-user").
    const own = status.resourceRules.filter(
      ({ apiGroups }) => !apiGroups.every((group) => /^auth.*\.k8s\.io$/.test(group)),
    );
    const permissions = own.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
      ),
    );
    assert.deepEqual(permissions.sort(), [
      "get apps/deployments/scale",
      "list discovery.k8s.io/endpointslices",
      "patch apps/deployments/scale",
      "watch discovery.k8s.io/endpointslices",
    ]);
  }
});

test("a gateway may start replicas of its control server's endpoints where there are none, and change no other number", async () => {
  const org = server.org();
  await server.serve(`${org}/x`, 'export const handler = () => "here";', { replicas: 1 });
  const foreign = other.org();
  await other.serve(`${foreign}/x`, 'export const handler = () => "here";', { replicas: 0 });
  await account.policyEnforced();
  for (const replicas of [0, 3])
    assert.match(await scale(`faas-${org}`, "x", replicas), /may only start replicas of an endpoint that has none/);
  assert.match(await scale(`faas-${foreign}`, "x", 3), /only scale the endpoints of its own control server/);
  assert.match(await scale("kube-system", "none", 1), /not found/);
  await server.stop();
  await server.api.call("PATCH", `/apis/apps/v1/namespaces/faas-${org}/deployments/x/scale`, {
    body: { spec: { replicas: 0 } },
    contentType: "application/merge-patch+json",
  });
  assert.equal(await scale(`faas-${org}`, "x", 2), "allowed");
  assert.match(await scale(`faas-${org}`, "x", 3), /may only start replicas of an endpoint that has none/);
});
