import { FaasError, orgNameProblem } from "@faas/core";
import { type ConfirmOptions, checkCanConfirm, confirm } from "../terminal/confirm.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";
import { connect } from "./connect.ts";

export type RemoveOptions = GlobalOptions & ConfirmOptions;

/** Removes an organization and everything in it after confirmation: `faas org remove` and `faas remove --all`. */
export async function removeOrg(org: string, options: RemoveOptions, io: Io): Promise<void> {
  checkCanConfirm(options, io);
  const problem = orgNameProblem(org);
  if (problem) throw new FaasError("USAGE", `Expected an organization: ${problem}`);
  const client = await connect(options, io);
  const { length } = await client.endpoints(org);
  const content = length === 1 ? "its endpoint" : `its ${length} endpoints`;
  if (!(await confirm(`Remove the organization ${org} with ${content}?`, options, io))) return;
  await client.removeOrg(org);
  printStatus(io, `Removed ${org} with ${content}.`);
}
