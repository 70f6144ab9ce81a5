import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { deploymentFailure } from "./deployment-failure.ts";

describe("deploymentFailure", () => {
  const table: readonly [name: string, message: string, code: string, detail: RegExp][] = [
    [
      "names a limit that is used up",
      'pods "x-1-a" is forbidden: exceeded quota: faas, requested: pods=1, used: pods=1, limited: pods=1',
      "REPLICAS_LIMITED",
      /limits do not allow another replica: it needs 1 replica, and 1 of 1 are in use$/,
    ],
    [
      "gives CPU and memory in units of the limits, which are four times the requests",
      "exceeded quota: faas, requested: limits.memory=268435456,requests.cpu=25m, used: limits.memory=0,requests.cpu=100m, limited: limits.memory=128Mi,requests.cpu=120m",
      "REPLICAS_LIMITED",
      /it needs 256Mi of memory, and 0 of 128Mi are in use; it needs 100m of CPU limit, and 400m of 480m are in use$/,
    ],
    [
      "quotes a quota of another owner",
      "exceeded quota: of-the-admin, requested: pods=1, used: pods=3, limited: pods=3",
      "REPLICAS_LIMITED",
      /: exceeded quota: of-the-admin, requested: pods=1, used: pods=3, limited: pods=3$/,
    ],
    [
      "names pod security",
      'pods "x-1-a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
      "POD_REFUSED",
      /pod security rejects the replica/,
    ],
    [
      "gives disk in units of the limits, and names extended resources",
      "exceeded quota: faas, requested: requests.ephemeral-storage=268435456,requests.example.com/dongle=1, used: requests.ephemeral-storage=0,requests.example.com/dongle=2, limited: requests.ephemeral-storage=128Mi,requests.example.com/dongle=2",
      "REPLICAS_LIMITED",
      /it needs 1Gi of disk limit, and 0 of 512Mi are in use; it needs 1 example.com\/dongle, and 2 of 2 are in use$/,
    ],
    [
      "names a missing PriorityClass, and the command of the admin",
      'pods "x-1-a" is forbidden: no PriorityClass with name low was found',
      "POD_REFUSED",
      /no PriorityClass "low", which the replicas of acme .*faas org limit acme --priority-class NAME/,
    ],
    [
      "names a missing RuntimeClass, and the command of the admin",
      'pods "x-1-a" is forbidden: pod rejected: RuntimeClass "gvisor" not found',
      "POD_REFUSED",
      /no RuntimeClass "gvisor", which the replicas of acme .*faas org limit acme --runtime-class NAME/,
    ],
    [
      "quotes an admission webhook",
      'admission webhook "w" denied the request: no',
      "POD_REFUSED",
      /webhook "w" denied/,
    ],
  ];
  for (const [name, message, code, detail] of table) {
    test(name, () => {
      const condition = { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message };
      const metadata = { labels: { "faas/org": "acme" } };
      const failure = deploymentFailure({ metadata, status: { conditions: [condition] } });
      assert.equal(failure?.code, code);
      assert.match(failure?.detail ?? "", detail);
    });
  }

  test("is undefined if pods can be created", () => {
    assert.equal(deploymentFailure({ status: {} }), undefined);
  });
});

test("deploymentFailure ignores that a pod cannot be deleted", () => {
  const condition = {
    type: "ReplicaFailure",
    status: "True",
    reason: "FailedDelete",
    message: "unable to delete pods",
  };
  assert.equal(deploymentFailure({ status: { conditions: [condition] } }), undefined);
  const created = { ...condition, reason: "FailedCreate", message: "no" };
  assert.equal(deploymentFailure({ status: { conditions: [created] } })?.code, "POD_REFUSED");
});
