import { FaasError, orgNameProblem } from "@faas/core";
import { type ConfirmOptions, checkCanAsk, confirmed } from "../terminal/confirm.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";
import { connect } from "./client.ts";

export type RemoveOptions = GlobalOptions & ConfirmOptions;

/** Asks, and removes an organization with all that it has: `faas org remove` and `faas remove --all`. */
export async function removeOrg(org: string, options: RemoveOptions, io: Io): Promise<void> {
  checkCanAsk(options, io);
  const problem = orgNameProblem(org);
  if (problem) throw new FaasError("USAGE", `Expected an organization: ${problem}`);
  const client = await connect(options, io);
  const endpoints = await client.endpoints(org);
  const what = endpoints.length === 1 ? "its endpoint" : `its ${endpoints.length} endpoints`;
  if (!(await confirmed(`Remove the organization ${org} with ${what}?`, options, io))) return;
  await client.removeOrg(org);
  printStatus(io, `Removed ${org} with ${what}.`);
}
