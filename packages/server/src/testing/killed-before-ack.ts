import { sourceRig } from "./source-rig.ts";

/**
 * Program for tests: receives the messages of the sources in a data folder, and is killed when the first one is in the queue, before it is acknowledged.
 * `node … killed-before-ack.ts <URL of the NATS server> <data folder>`
 */
const [url = "", folder = ""] = process.argv.slice(2);
await sourceRig({ url, folder, onEnqueued: () => process.kill(process.pid, "SIGKILL") });
