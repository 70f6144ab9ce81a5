import { startServer } from "@faas/server";
import { AccessLogWriter } from "../../../packages/server/src/logs/access-log.ts";

/*
 * A server whose lines for calls can be switched off and on while it runs, by the messages "on" and "off" of the process that started it. Its first argument is
 * the data folder; it sends its URL when it listens.
 */

let isOn = true;
const { record } = AccessLogWriter.prototype;
AccessLogWriter.prototype.record = function (call, durationMs) {
  if (isOn) record.call(this, call, durationMs);
};

const server = await startServer({ dataDir: process.argv[2] as string, port: 0, logLevel: "silent" });
process.on("message", (message) => {
  isOn = message === "on";
  process.send?.("switched");
});
process.on("disconnect", () => void server.stop());
process.send?.(server.url);
