import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { importModule } from "../load-function.ts";
import type { Server } from "../node-http.ts";
import { readClaim } from "./claim.ts";
import type { WrapperStart } from "./wrapper-start.ts";
import { writeFiles } from "./write-files.ts";

/** Requests to rehearse: code that has run a few times is faster, by a quarter of a claim's CPU time. */
const REQUESTS = 5;
/** Modules of both kinds, which need different loaders of Node. */
const MODULES = {
  "index.mjs": "export const handler = () => ({});",
  "index.cjs": "exports.handler = () => ({});",
};

/** Runs the code of a claim and of a first call: Node compiles code, and loads many of its own modules, only when they are first used. */
export async function rehearseClaim(rehearse: WrapperStart["rehearse"]): Promise<void> {
  await rehearse({ host: "127.0.0.1", port: 0 }, async (server) => {
    for (let sent = 0; sent < REQUESTS; sent++) await sendRequest(server);
  });
  const folder = temporaryFolder();
  // Without one, a claim only takes longer.
  if (folder === undefined) return;
  try {
    writeFiles(readClaim(claimOf(folder)));
    for (const name of Object.keys(MODULES)) await importModule(join(folder, name));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Sends a request with a body to a server, and reads the response. */
async function sendRequest(server: Server): Promise<void> {
  const { connect } = process.getBuiltinModule("node:net");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2";
  socket.write(`${head}\r\nConnection: close\r\n\r\n{}`);
  await once(socket.resume(), "close");
}

function temporaryFolder(): string | undefined {
  try {
    return mkdtempSync(join(tmpdir(), "faas-"));
  } catch {
    return undefined;
  }
}

/** Writes the body of a claim with the modules. */
function claimOf(folder: string): Buffer {
  const contents = Object.values(MODULES).join("");
  const files = Object.entries(MODULES).map(([path, { length }]) => ({ path, size: length }));
  const digest = `sha256:${process.getBuiltinModule("node:crypto").hash("sha256", contents)}`;
  return Buffer.from(`${JSON.stringify({ folder, env: {}, digest, files })}\n${contents}`);
}
