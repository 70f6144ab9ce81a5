import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Runs kubectl on the cluster of `KUBECONFIG`, and returns its output. */
export async function kubectl(...args: readonly string[]): Promise<string> {
  return (await run("kubectl", args, { maxBuffer: 64 * 1024 * 1024 })).stdout.trim();
}
