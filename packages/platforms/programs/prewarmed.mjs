/**
 * A started Node that waits for its function and contains nothing of any user (docs/decisions/0016-prewarmed-processes.md). One line of JSON on file
 * descriptor 3 assigns the function: `{folder, env}`. If that pipe ends without a line, the server has ended.
 *
 * The wrapper that the command line names is imported in advance: most bundles contain the same one.
 */
import { once } from "node:events";
import { closeSync, readFileSync, readSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const ASSIGNMENT_FD = 3;

const imported = await importWrapper(process.argv[2]);
if (imported) await imported.rehearse(process.env.PORT, () => sendRequest(process.env.PORT));
else await serveOneRequest(process.env.PORT);
const { folder, env } = readAssignment();
closeSync(ASSIGNMENT_FD);
process.chdir(folder);
for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
Object.assign(process.env, env);
// Node reads this variable when it starts, before the assignment is known.
if (env.NODE_COMPILE_CACHE) enableCompileCache(env.NODE_COMPILE_CACHE);
const wrapper = join(folder, ".interface.mjs");
process.argv.splice(1, process.argv.length, wrapper);
if (imported?.source.equals(readFileSync(wrapper))) imported.start(folder);
else await import(pathToFileURL(wrapper).href);

/** Imports a wrapper without starting it. Returns its source and its functions; undefined for one of a release that starts when it is imported. */
async function importWrapper(file) {
  try {
    const source = readFileSync(file);
    if (!source.includes("FAAS_PREWARMED")) return undefined;
    process.env.FAAS_PREWARMED = "1";
    const { start, rehearse } = await import(pathToFileURL(file).href);
    return { source, start, rehearse };
  } catch {
    return undefined;
  }
}

/** Serves one request: Node loads much of its HTTP server only then. */
async function serveOneRequest(socketPath) {
  const server = createServer((incoming, response) => incoming.resume().on("end", () => response.end("{}")));
  server.listen(socketPath);
  await once(server, "listening");
  await sendRequest(socketPath);
  server.close();
  await once(server, "close");
  rmSync(socketPath, { force: true });
}

async function sendRequest(socketPath) {
  const headers = { "Content-Type": "application/json" };
  const outgoing = request({ socketPath, method: "POST", path: "/", agent: false, headers });
  outgoing.end("{}");
  const [response] = await once(outgoing, "response");
  await once(response.resume(), "end");
}

/** Reads the assignment synchronously: waiting costs nothing, and no event loop delays the start. */
function readAssignment() {
  const chunk = Buffer.alloc(64 * 1024);
  let text = "";
  while (!text.endsWith("\n")) {
    const bytes = readSync(ASSIGNMENT_FD, chunk);
    if (bytes === 0) process.exit(0);
    text += chunk.toString("latin1", 0, bytes);
  }
  return JSON.parse(Buffer.from(text, "latin1").toString("utf8"));
}
