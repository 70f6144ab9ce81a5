import { describe } from "node:test";
import { run as cutOff } from "../../faults/parts/cut-off.ts";
import { killOn } from "../../faults/parts/kill-replicas.ts";
import { rollOn } from "../../faults/parts/roll.ts";
import { testShortForm } from "../../faults/short.ts";

describe("short fault tests in a cluster", { concurrency: 3 }, () => {
  testShortForm("a replica is killed under load", (options) => killOn("kubernetes", options), 50);
  testShortForm(
    "an endpoint is deployed, scaled, idle and woken under load",
    (options) => rollOn("kubernetes", options),
    4,
  );
  testShortForm("API server and registry are down", async (options) => (await cutOff(options)).rows ?? [], 50);
});
