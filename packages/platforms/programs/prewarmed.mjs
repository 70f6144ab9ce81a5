/**
 * A Node that has started and waits for the one function that it is to run; nothing of any user is in it (docs/decisions/0016-prewarmed-processes.md).
 * One line of JSON on file descriptor 3 says which: `{folder, env}`. The end of that pipe without a line: the server is gone.
 */
import { once } from "node:events";
import { closeSync, readSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const ORDERS = 3;

await answerOnce(process.env.PORT);
const { folder, env } = readOrder();
closeSync(ORDERS);
process.chdir(folder);
for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
Object.assign(process.env, env);
// It is read when Node starts, and was not known then.
if (env.NODE_COMPILE_CACHE) enableCompileCache(env.NODE_COMPILE_CACHE);
const wrapper = join(folder, ".interface.mjs");
process.argv[1] = wrapper;
await import(pathToFileURL(wrapper).href);

/** Node loads much of its HTTP server with the first request. */
async function answerOnce(socketPath) {
  const server = createServer((incoming, response) => incoming.resume().on("end", () => response.end("{}")));
  server.listen(socketPath);
  await once(server, "listening");
  const outgoing = request({ socketPath, method: "POST", path: "/", agent: false });
  outgoing.end("{}");
  const [answer] = await once(outgoing, "response");
  await once(answer.resume(), "end");
  server.close();
  await once(server, "close");
  rmSync(socketPath, { force: true });
}

/** Waits without an event loop: it costs nothing, and nothing is quicker. */
function readOrder() {
  const piece = Buffer.alloc(64 * 1024);
  let text = "";
  while (!text.endsWith("\n")) {
    const bytes = readSync(ORDERS, piece);
    if (bytes === 0) process.exit(0);
    text += piece.toString("latin1", 0, bytes);
  }
  return JSON.parse(Buffer.from(text, "latin1").toString("utf8"));
}
