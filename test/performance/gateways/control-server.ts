/** Runs a control server for gateways in other processes; prints the address that they connect to. Argument: the data folder. */
import { startServer } from "../../../packages/server/src/server.ts";

const [dataDir = ""] = process.argv.slice(2);
const server = await startServer({ dataDir, port: 0, auth: false, logLevel: "warn", gateways: {} });
process.stdout.write(`${server.gateways?.control}\n`);
process.once("SIGTERM", () => void server.stop());
