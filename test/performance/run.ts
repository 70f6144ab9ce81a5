/**
 * `npm run performance -- [PART…] [--write]`: measures the embedded platform against baselines in the same run, and prints Markdown tables. `--write` puts
 * them into docs/performance.md. Runs are interleaved, so that noise affects both sides alike; figures are medians.
 */
import { accessLog } from "./access-log.ts";
import { coldStarts } from "./cold-starts.ts";
import { commands } from "./commands.ts";
import { eventStreams } from "./events/event-streams.ts";
import { fairness } from "./fairness.ts";
import { gateway } from "./gateway.ts";
import { gatewayProcesses } from "./gateways/processes.ts";
import { traces } from "./gateways/traces.ts";
import { gatewayViews } from "./gateways/views.ts";
import { idleServer } from "./idle-server.ts";
import { pythonApps } from "./python-apps.ts";
import { asyncCalls } from "./queue/async-calls.ts";
import { queue, queueOnNats } from "./queue/queue.ts";
import { chosenParts, publish } from "./rig/page.ts";
import type { Row } from "./rig/table.ts";
import { simulatedCluster } from "./simulated-cluster.ts";
import { splits } from "./splits/splits.ts";
import { canary } from "./state/canary.ts";
import { keptRevisions } from "./state/kept-revisions.ts";
import { schedules } from "./state/schedules.ts";
import { tenThousand } from "./ten-thousand.ts";
import { tls } from "./tls.ts";
import { wrappers } from "./wrappers.ts";

const parts: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  commands,
  "cold-starts": coldStarts,
  "idle-server": idleServer,
  "event-streams": eventStreams,
  gateway,
  "access-log": accessLog,
  traces,
  "async-calls": asyncCalls,
  fairness,
  tls,
  wrappers,
  "python-apps": pythonApps,
  "ten-thousand": tenThousand,
  "kept-revisions": keptRevisions,
  canary,
  queue,
  "queue-nats": queueOnNats,
  "gateway-views": gatewayViews,
  "gateway-processes": gatewayProcesses,
  schedules,
  splits,
  "simulated-cluster": simulatedCluster,
};

const args = process.argv.slice(2);
for (const [name, measure] of chosenParts(parts, args)) {
  process.stderr.write(`${name} …\n`);
  await publish(name, await measure(), args);
}
