import assert from "node:assert/strict";
import { test } from "node:test";
import { devSettings } from "./dev-settings.ts";

test("development leaves out what a network or an admin has to provide", () => {
  const settings = devSettings({
    ...{ org: "acme", endpoint: "api", server: "https://faas.example.com", timeout: "5s", replicas: 3 },
    hostnames: ["api.example.com"],
    sources: [{ subject: "acme.orders.>" }],
    resources: { "nvidia.com/gpu": 1 },
    async: { attempts: 2, onSuccess: "alerts/done", onFailure: "https://hooks.example.com/failed" },
    schedules: [{ cron: "0 2 * * *" }],
  });
  assert.deepEqual(JSON.parse(JSON.stringify(settings)), {
    timeout: "5s",
    async: { attempts: 2, onSuccess: "alerts/done" },
    schedules: [{ cron: "0 2 * * *", enabled: false }],
    ...{ replicas: 1, maxReplicas: 1, scaler: "concurrency", idleTimeout: "never", keepWarm: "0s" },
  });
});
