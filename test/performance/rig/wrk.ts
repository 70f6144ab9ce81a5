import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface WrkRun {
  /** Requests per second. */
  readonly rate: number;
  readonly requests: number;
  /** Bytes of answers per second. */
  readonly bytesRate: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Of any kind: connections, timeouts, statuses from 400 on. */
  readonly errors: number;
}

export interface WrkOptions {
  readonly connections: number;
  readonly seconds: number;
  /** Posted with every request; none: GET. */
  readonly body?: { readonly bytes: number; readonly type: string };
}

/** wrk, with a thread of its own, to its end. The script that makes it tell what it measured goes into `folder`. */
export async function wrk(folder: string, url: string, options: WrkOptions): Promise<WrkRun> {
  const { connections, seconds, body } = options;
  const script = join(folder, `wrk-${body?.bytes ?? 0}.lua`);
  await writeFile(script, body ? `${POST(body.bytes, body.type)}${REPORT}` : REPORT);
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "20s", "-s", script, url];
  const child = spawn("wrk", args, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (said += text));
  const [code] = await once(child, "close");
  const report = said.split("\n").find((line) => line.startsWith("{"));
  if (code !== 0 || report === undefined)
    throw new Error(`wrk ${args.join(" ")} ended with exit code ${code}:\n${said}`);
  return JSON.parse(report);
}

/** Which of these programs are not installed. */
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
