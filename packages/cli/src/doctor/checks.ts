import { execFile } from "node:child_process";
import { access, constants, stat, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { ServerConfig } from "@faas/core";
import { Agent, fetch } from "undici";
import { trustProblem } from "../client/trust.ts";

/** Checks of `faas doctor`, independent of each other. No check changes anything. */

export interface Check {
  readonly name: string;
  /** `warning`: only some users need it. `missing`: nothing works without it. */
  readonly status: "ok" | "warning" | "missing";
  /** Description of the finding. */
  readonly found: string;
  /** Advice, when the status is not ok. */
  readonly advice?: string;
}

const run = promisify(execFile);
const TIMEOUT_MS = 10_000;
const GIB = 2 ** 30;

/** Checks that Node has a maintained and tested version: 22.19 or newer, 24, or 26 and newer. */
export function checkNode(version = process.versions.node): Check {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const supported = major === 22 ? minor >= 19 : major === 24 || major >= 26;
  const found = `Node ${version}`;
  if (supported) return { name: "node", status: "ok", found };
  return { name: "node", status: "missing", found, advice: "Install Node 22.19 or newer, 24 or 26" };
}

/** Checks that npm is installed. */
export async function checkNpm(): Promise<Check> {
  try {
    const { stdout } = await run("npm", ["--version"], { timeout: TIMEOUT_MS });
    return { name: "npm", status: "ok", found: `npm ${stdout.trim()}` };
  } catch (error) {
    const advice = "Install npm, which comes with Node. Functions with dependencies need it";
    return { name: "npm", status: "missing", found: shortReason(error), advice };
  }
}

/** Checks Python, which only Python functions need. */
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
      shortReason(error),
      "Install Python 3.9 or newer as python3, or set FAAS_PYTHON, to run Python functions",
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

/** Checks that the data folder, or the folder to create it in, is writable and has free space. */
export async function checkDataFolder(dataDir: string): Promise<Check> {
  const name = "data folder";
  const existing = await nearestExisting(dataDir);
  const missing = (found: string): Check => ({
    name,
    status: "missing",
    found,
    advice: "Choose another folder with --data or FAAS_DATA",
  });
  if (!(await stat(existing)).isDirectory()) return missing(`${existing} is not a folder`);
  try {
    await access(existing, constants.W_OK | constants.X_OK);
  } catch {
    return missing(`${existing} is not writable`);
  }
  const { bavail, bsize } = await statfs(existing);
  const free = bavail * bsize;
  const found = `${dataDir}, ${(free / GIB).toFixed(1)} GiB free`;
  if (free >= GIB) return { name, status: "ok", found };
  return { name, status: "warning", found, advice: "Free some space: dependencies, bundles and logs are stored there" };
}

async function nearestExisting(path: string): Promise<string> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  return exists || dirname(path) === path ? path : nearestExisting(dirname(path));
}

/** Checks that `faas up` could listen on a port. */
export async function checkPort(host: string, port: number): Promise<Check> {
  const name = "port";
  try {
    await listenOnce(host, port);
    return { name, status: "ok", found: `${host}:${port} is free` };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const found = code === "EADDRINUSE" ? `another program listens on ${host}:${port}` : shortReason(error);
    return { name, status: "warning", found, advice: "Choose another port with faas up --port PORT" };
  }
}

function listenOnce(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}

/** Checks the control server. A server that the user named has to respond; the default one is started only when needed. */
export async function checkServer(
  url: string,
  isNamed: boolean,
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
        ...{ name, status: isNamed ? "missing" : "warning" },
        found: token === undefined ? `${url} requires a key` : `${url} rejects the saved key`,
        advice: "Save a key with faas login",
      };
    const config = (await response.json()) as Partial<ServerConfig>;
    if (!response.ok || typeof config.version !== "string") throw new Error("not a faas server");
    const isolation = config.isolation === undefined ? "" : `, isolation ${config.isolation}`;
    const found = `${url}, version ${config.version}, platform ${config.platform}${isolation}`;
    if (config.version === version && !config.isolation?.startsWith("none")) return { name, status: "ok", found };
    if (config.version === version)
      return {
        name,
        status: "warning",
        found,
        advice: "Functions can reach everything that the server reaches: docs/security.md",
      };
    return { name, status: "warning", found, advice: `This is faas ${version}: update the server or this machine` };
  } catch (error) {
    const untrusted = trustProblem(url, ((error as Error).cause ?? error) as Error);
    if (untrusted)
      return { name, status: "missing", found: untrusted.message, advice: String(untrusted.extensions.hint ?? "") };
    const found = `no server responds at ${url} (${shortReason(error)})`;
    const advice = isNamed ? "Check the address, or start the server with faas up" : "Start one with faas up";
    return { name, status: isNamed ? "missing" : "warning", found, advice };
  }
}

/** Creates an agent for one request to a server, with its certificate authorities. */
export const agentFor = (ca: string | undefined): Agent =>
  new Agent({ keepAliveTimeout: 1, ...(ca === undefined ? {} : { connect: { ca } }) });

/** Returns the reason in a few words: that of the cause, where `fetch` puts it. */
function shortReason(error: unknown): string {
  const { cause, code, path, message } = error as NodeJS.ErrnoException & { cause?: NodeJS.ErrnoException };
  if (code === "ENOENT" && path) return `${path} is not installed`;
  return (cause?.code ?? cause?.message ?? message).split("\n", 1)[0] as string;
}
