import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Results of a run. */
export interface WrkRun {
  /** Requests per second. */
  readonly rate: number;
  readonly requests: number;
  /** Response bytes per second. */
  readonly bytesRate: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Number of failed connections, timeouts, and responses with a status of 400 or higher. */
  readonly errors: number;
}

/** Settings of a run. */
export interface WrkOptions {
  readonly connections: number;
  readonly seconds: number;
  /** Value of the header Prefer. */
  readonly prefer?: string;
  /** Body of each request, sent with POST; GET without it. */
  readonly body?: { readonly bytes: number; readonly type: string };
}

/** Runs wrk with one thread to its end. `folder` gets the script that makes it print its results as JSON. */
export async function wrk(folder: string, url: string, options: WrkOptions): Promise<WrkRun> {
  const { connections, seconds, body, prefer } = options;
  const script = join(folder, `wrk-${body?.bytes ?? 0}.lua`);
  const preference = prefer === undefined ? "" : `wrk.headers["Prefer"] = "${prefer}"\n`;
  await writeFile(script, (body ? POST(body.bytes, body.type) : "") + preference + REPORT);
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "20s", "-s", script, url];
  const child = spawn("wrk", args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  const [code] = await once(child, "close");
  const report = output.split("\n").find((line) => line.startsWith("{"));
  if (code !== 0 || report === undefined)
    throw new Error(`wrk ${args.join(" ")} ended with exit code ${code}:\n${output}`);
  return JSON.parse(report);
}

/** Returns the programs that are not installed. */
export function missingPrograms(...names: readonly string[]): readonly string[] {
  return names.filter((name) => spawnSync("which", [name]).status !== 0);
}

const POST = (bytes: number, type: string) => `wrk.method = "POST"
wrk.body = string.rep("x", ${bytes})
wrk.headers["Content-Type"] = "${type}"
`;

const REPORT = `function done(summary, latency)
  local e = summary.errors
  local seconds = summary.duration / 1e6
  io.write(string.format('{"rate":%.1f,"requests":%d,"bytesRate":%.1f,"p50Us":%d,"p99Us":%d,"errors":%d}\\n',
    summary.requests / seconds, summary.requests, summary.bytes / seconds, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
`;
