/**
 * `node --import tsx test/performance/dev-reload.ts [reloads] [node|typescript|python]`: measures `faas dev` from saving a file to the first response of
 * the new code. Needs a build. Prints median, p95 and maximum. Saves a file like an editor: a new file is renamed over the old one.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { eventually, FaasProcess, HttpClient } from "@faas/testing";
import { percentile } from "./rig/table.ts";

const reloads = Number(process.argv[2] ?? 20);
const runtime = process.argv[3] ?? "node";
const file = { node: "index.mjs", typescript: "index.ts", python: "main.py" }[runtime] ?? "index.mjs";

await using faas = new FaasProcess();
await faas.succeed(["init", ".", "--runtime", runtime, "--name", "reload"]);
const [url] = await faas.start(["dev", ".", "--port", "0"]).printed(/^http\S+(?=\n)/m);
using client = new HttpClient(url);
/** Calls until the response contains the word. */
const untilContains = (word: string) =>
  eventually(`a response with "${word}"`, async () => (await client.send("GET", "")).text.includes(word), {
    intervalMs: 3,
  });

const path = join(faas.folder, file);
const source = await readFile(path, "utf8");
const times: number[] = [];
await untilContains("world");
for (let reload = 0; reload < reloads; reload++) {
  const word = `reload-${reload}`;
  await writeFile(`${path}~`, source.replaceAll("world", word));
  const saved = performance.now();
  await rename(`${path}~`, path);
  await untilContains(word);
  times.push(performance.now() - saved);
  // A save within the debounce time of the previous one would be measured together with it.
  await delay(100);
}
const at = (share: number) => percentile(times, share).toFixed(0);
console.log(
  `${runtime}: save to first new response, ${reloads} reloads: median ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms`,
);
