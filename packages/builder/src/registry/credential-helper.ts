import { spawn } from "node:child_process";
import { FaasError } from "@faas/core";
import type { Environment } from "../docker/config.ts";

const TIMEOUT_MS = 30_000;

/** Login in the format of credential helpers. */
export interface HelperLogin {
  /** `<token>` when the secret is an identity token instead of a password. */
  readonly username: string;
  readonly secret: string;
}

/**
 * Asks `docker-credential-<helper> get` for the login of a registry; undefined when it has none.
 *
 * @throws REGISTRY_DENIED if the program is missing, fails or returns something else
 */
export async function readCredentialHelper(
  helper: string,
  registry: string,
  env: Environment,
): Promise<HelperLogin | undefined> {
  const command = `docker-credential-${helper}`;
  const failed = (reason: string, cause?: unknown) =>
    new FaasError("REGISTRY_DENIED", `The login for ${registry} is stored in ${command}, which ${reason}`, { cause });
  const { code, stdout, stderr } = await run(command, registry, env).catch((error: NodeJS.ErrnoException) => {
    throw failed(error.code === "ENOENT" ? "is not on the PATH" : `cannot be started: ${error.message}`, error);
  });
  if (code !== 0) {
    const output = `${stdout}${stderr}`.trim();
    // The protocol's message for a missing login.
    if (/credentials not found/i.test(output)) return undefined;
    throw failed(`failed with ${typeof code === "number" ? `exit code ${code}` : code}: ${output || "no output"}`);
  }
  const { Username, Secret } = parse(stdout) ?? {};
  if (typeof Username !== "string" || typeof Secret !== "string") throw failed("returned no Username and Secret");
  return Username === "" && Secret === "" ? undefined : { username: Username, secret: Secret };
}

async function run(command: string, input: string, env: Environment) {
  const child = spawn(command, ["get"], { env: { ...env }, stdio: ["pipe", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  // A program may exit without reading its input; its exit code says enough.
  child.stdin.on("error", () => {}).end(input);
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (number, signal) => resolve(number ?? signal));
  }).finally(() => clearTimeout(timer));
  return { code, stdout, stderr };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
