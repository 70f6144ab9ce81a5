import type { RevisionView } from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/connect.ts";
import { listRevisions } from "../client/revisions.ts";
import { parseRef } from "../options/target.ts";
import { formatCommit, formatMessage } from "../revisions/format-origin.ts";
import { formatAge } from "../terminal/age.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print } from "../terminal/output.ts";

/** Characters of a message that are shown: it is the last column, and one line for a revision is read most easily. */
const MAX_MESSAGE = 72;

interface Options extends GlobalOptions {
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint>", "Endpoint")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nA commit with a plus sign had changes that were not committed. A warm revision has a replica that is ready for a rollback. An organization's limit `revisions` says how many are kept.",
    )
    .action(async (target: string) => {
      const options = command.optsWithGlobals<Options>();
      const revisions = await listRevisions(await connect(options, io), parseRef(target));
      await print({ revisions }, options.output, io, table);
    });
}

function table({ revisions }: { readonly revisions: readonly RevisionView[] }): string {
  const now = Date.now();
  const rows = revisions.map(({ revision, createdAt, origin, share, tags = [], ...more }) => [
    revision,
    formatAge(now - Date.parse(origin?.at ?? createdAt)),
    origin?.by ?? "-",
    formatCommit(origin),
    share > 0 ? `${share}%` : "-",
    tags.length === 0 ? "-" : tags.map((tag) => `@${tag}`).join(","),
    formatState(more, now),
    formatMessage(origin?.message ?? "", MAX_MESSAGE),
  ]);
  return columns(["REVISION", "AGE", "AUTHOR", "COMMIT", "SHARE", "TAGS", "STATE", "MESSAGE"], rows);
}

/** Formats the state of a revision, and why it runs beside the serving one. */
function formatState(
  { state, preview, keptWarmUntil }: Pick<RevisionView, "state" | "preview" | "keptWarmUntil">,
  nowMs: number,
) {
  const left = (at: string) => formatAge(Date.parse(at) - nowMs);
  const expiry = preview?.expiresAt === undefined ? "" : ` for ${left(preview.expiresAt)}`;
  return [
    state,
    ...(preview === undefined ? [] : [`preview${expiry}`]),
    ...(keptWarmUntil === undefined ? [] : [`warm for ${left(keptWarmUntil)}`]),
  ].join(", ");
}
