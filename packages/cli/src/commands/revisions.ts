import type { RevisionView } from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/connect.ts";
import { listRevisions } from "../client/revisions.ts";
import { parseRef } from "../options/target.ts";
import { formatAge } from "../terminal/age.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint>", "Endpoint")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nA commit with a plus sign had changes that were not committed. An organization's limit `revisions` says how many are kept.",
    )
    .action(async (target: string) => {
      const options = command.optsWithGlobals<Options>();
      const revisions = await listRevisions(await connect(options, io), parseRef(target));
      await print({ revisions }, options.output, io, table);
    });
}

function table({ revisions }: { readonly revisions: readonly RevisionView[] }): string {
  const now = Date.now();
  const rows = revisions.map(({ revision, createdAt, origin, share, state }) => [
    revision,
    formatAge(now - Date.parse(origin?.at ?? createdAt)),
    origin?.by ?? "-",
    formatCommit(origin),
    share > 0 ? `${share}%` : "-",
    state,
    firstLine(origin?.message ?? ""),
  ]);
  return columns(["REVISION", "AGE", "AUTHOR", "COMMIT", "SHARE", "STATE", "MESSAGE"], rows);
}

/** Length of a shown commit, as git shows it in larger repositories. */
const COMMIT_LENGTH = 10;

const formatCommit = (origin: RevisionView["origin"]) =>
  origin?.commit === undefined ? "-" : `${origin.commit.slice(0, COMMIT_LENGTH)}${origin.dirty ? "+" : ""}`;

/** Returns the first line of a text, without control characters. */
const firstLine = (text: string) => (text.split("\n", 1)[0] as string).replaceAll(/\p{C}/gu, "");
