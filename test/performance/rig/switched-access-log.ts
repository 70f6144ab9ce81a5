import { setTimeout as delay } from "node:timers/promises";
import { startServer } from "@faas/server";
import { AccessLogWriter } from "../../../packages/server/src/logs/access-log.ts";

/*
 * A server that switches the lines for calls off and on while it is called, and measures its own CPU time. Its first argument is the data folder; it sends its URL
 * when it listens. On each message, a list of sides, it is measured on one after the other, and sends the microseconds of CPU time per call.
 */

/** Time on each side: long against the writes of lines, of which a few are left for the next side, and short against changes in the machine's load. */
const TURN_MS = 400;

let isOn = true;
let calls = 0;
const { record } = AccessLogWriter.prototype;
AccessLogWriter.prototype.record = function (call, durationMs) {
  calls++;
  if (isOn) record.call(this, call, durationMs);
};

const server = await startServer({ dataDir: process.argv[2] as string, port: 0, logLevel: "silent" });
process.on("message", async (sides: readonly ("on" | "off")[]) => {
  const micros: number[] = [];
  for (const side of sides) {
    isOn = side === "on";
    const callsBefore = calls;
    const before = process.cpuUsage();
    await delay(TURN_MS);
    const { user, system } = process.cpuUsage(before);
    micros.push((user + system) / (calls - callsBefore));
  }
  process.send?.(micros);
});
process.on("disconnect", () => void server.stop());
process.send?.(server.url);
