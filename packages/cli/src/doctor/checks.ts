import { execFile } from "node:child_process";
import { access, constants, stat, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { ServerConfig } from "@faas/core";
import { Agent, fetch } from "undici";
import { trustProblem } from "../client/trust.ts";

/** What `faas doctor` looks at, each on its own: nothing here changes anything. */

export interface Check {
  readonly name: string;
  /** `warning`: something that only some need. `missing`: nothing works without it. */
  readonly status: "ok" | "warning" | "missing";
  /** What was found. */
  readonly found: string;
  /** What to do, when not ok. */
  readonly advice?: string;
}

const run = promisify(execFile);
const TIMEOUT_MS = 10_000;
const GIB = 2 ** 30;

/** The Node lines that are maintained and tested: 22.19+, 24, 26. */
export function checkNode(version = process.versions.node): Check {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const supported = major === 22 ? minor >= 19 : major === 24 || major >= 26;
  const found = `Node ${version}`;
  if (supported) return { name: "node", status: "ok", found };
  return { name: "node", status: "missing", found, advice: "Install Node 22.19 or newer, 24 or 26" };
}

export async function checkNpm(): Promise<Check> {
  try {
    const { stdout } = await run("npm", ["--version"], { timeout: TIMEOUT_MS });
    return { name: "npm", status: "ok", found: `npm ${stdout.trim()}` };
  } catch (error) {
    const advice = "Install npm, which comes with Node: functions with dependencies cannot be built without it";
    return { name: "npm", status: "missing", found: words(error), advice };
  }
}

/** Only Python functions need it. */
export async function checkPython(python = "python3"): Promise<Check> {
  const warning = (found: string, advice: string): Check => ({ name: "python", status: "warning", found, advice });
  try {
    const script = "import sys; print('.'.join(map(str, sys.version_info[:3])))";
    const { stdout } = await run(python, ["-c", script], { timeout: TIMEOUT_MS });
    const version = stdout.trim();
    const [major = 0, minor = 0] = version.split(".").map(Number);
    if (major < 3 || (major === 3 && minor < 9))
      return warning(`Python ${version}`, "Install Python 3.9 or newer to run Python functions");
    return await checkPip(python, version, warning);
  } catch (error) {
    return warning(
      words(error),
      "Install Python 3.9 or newer, as python3 or as FAAS_PYTHON says, to run Python functions",
    );
  }
}

async function checkPip(
  python: string,
  version: string,
  warning: (found: string, advice: string) => Check,
): Promise<Check> {
  try {
    const { stdout } = await run(python, ["-m", "pip", "--version"], { timeout: TIMEOUT_MS });
    const [, pip = "?"] = /^pip (\S+)/.exec(stdout) ?? [];
    return { name: "python", status: "ok", found: `Python ${version}, pip ${pip}` };
  } catch {
    return warning(`Python ${version} without pip`, "Install pip to build Python functions that have dependencies");
  }
}

/** The data folder, or the folder that it would be made in, can be written to and has room. */
export async function checkDataFolder(dataDir: string): Promise<Check> {
  const name = "data folder";
  const there = await nearestExisting(dataDir);
  const missing = (found: string): Check => ({
    name,
    status: "missing",
    found,
    advice: "Choose another with --data or FAAS_DATA",
  });
  if (!(await stat(there)).isDirectory()) return missing(`${there} is no folder`);
  try {
    await access(there, constants.W_OK | constants.X_OK);
  } catch {
    return missing(`${there} cannot be written to`);
  }
  const { bavail, bsize } = await statfs(there);
  const free = bavail * bsize;
  const found = `${dataDir}, ${(free / GIB).toFixed(1)} GiB free`;
  if (free >= GIB) return { name, status: "ok", found };
  return { name, status: "warning", found, advice: "Make room: dependencies, bundles and logs are kept there" };
}

async function nearestExisting(path: string): Promise<string> {
  const there = await access(path).then(
    () => true,
    () => false,
  );
  return there || dirname(path) === path ? path : nearestExisting(dirname(path));
}

/** Whether `faas up` could listen there. A port that our own server has is checked by `checkServer`. */
export async function checkPort(host: string, port: number): Promise<Check> {
  const name = "port";
  try {
    await listenOnce(host, port);
    return { name, status: "ok", found: `${host}:${port} is free` };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const found = code === "EADDRINUSE" ? `another program listens on ${host}:${port}` : words(error);
    return { name, status: "warning", found, advice: "Choose another with faas up --port PORT" };
  }
}

function listenOnce(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}

/** The control server. One that was named, by `--server` or `FAAS_SERVER`, has to answer; the default one is only started when needed. */
export async function checkServer(
  url: string,
  named: boolean,
  version: string,
  token?: string,
  ca?: string,
): Promise<Check> {
  const name = "server";
  try {
    const response = await fetch(new URL("/-/config", url), {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      dispatcher: agentFor(ca),
    });
    if (response.status === 401)
      return {
        ...{ name, status: named ? "missing" : "warning" },
        found: `${url} wants a key${token === undefined ? "" : ", and not the one that is kept"}`,
        advice: "faas login keeps one",
      };
    const config = (await response.json()) as Partial<ServerConfig>;
    if (!response.ok || typeof config.version !== "string") throw new Error("what answers is no faas server");
    const isolation = config.isolation === undefined ? "" : `, isolation ${config.isolation}`;
    const found = `${url}, version ${config.version}, platform ${config.platform}${isolation}`;
    if (config.version === version && !config.isolation?.startsWith("none")) return { name, status: "ok", found };
    if (config.version === version)
      return { name, status: "warning", found, advice: "Functions reach what the server reaches: docs/security.md" };
    return { name, status: "warning", found, advice: `This is faas ${version}: update one of them` };
  } catch (error) {
    const untrusted = trustProblem(url, ((error as Error).cause ?? error) as Error);
    if (untrusted)
      return { name, status: "missing", found: untrusted.message, advice: String(untrusted.extensions.hint ?? "") };
    const found = `none answers at ${url} (${words(error)})`;
    const advice = named ? "Check the address, or start it with faas up" : "Start one with faas up";
    return { name, status: named ? "missing" : "warning", found, advice };
  }
}

/** For one request to a server whose certificate these ones have signed. */
export const agentFor = (ca: string | undefined): Agent =>
  new Agent({ keepAliveTimeout: 1, ...(ca === undefined ? {} : { connect: { ca } }) });

/** The reason in a few words: that of the cause, which is where `fetch` puts it. */
function words(error: unknown): string {
  const { cause, code, path, message } = error as NodeJS.ErrnoException & { cause?: NodeJS.ErrnoException };
  if (code === "ENOENT" && path) return `${path} is not installed`;
  return (cause?.code ?? cause?.message ?? message).split("\n", 1)[0] as string;
}
