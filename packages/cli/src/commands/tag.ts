import { type EndpointRef, endpointKey, FaasError } from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/connect.ts";
import { putTag, removeTag, traffic } from "../client/traffic.ts";
import { parseRef } from "../options/target.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly delete?: boolean;
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint>", "Endpoint whose revisions to tag")
    .argument("[tag]", "TAG=REVISION to set or move a tag; TAG with --delete")
    .option("--delete", "Remove the tag")
    .addOption(outputOption())
    .addHelpText("after", "\nA tag has an address of its own, /ORG/ENDPOINT@TAG. Without a tag, it lists all.")
    .action(async (target: string, tag: string | undefined) =>
      run(parseRef(target), tag, command.optsWithGlobals<Options>(), io),
    );
}

async function run(ref: EndpointRef, given: string | undefined, options: Options, io: Io): Promise<void> {
  if (given === undefined) {
    if (options.delete) throw new FaasError("USAGE", "Expected the tag to delete: faas tag ORG/ENDPOINT TAG --delete");
    const { tags } = await traffic(await connect(options, io), ref);
    if (Object.keys(tags).length === 0 && options.output === "table")
      return printStatus(io, `No tags yet. Set one with "faas tag ${endpointKey(ref)} TAG=REVISION".`);
    return print(tags, options.output, io, (all) => columns(["TAG", "REVISION"], Object.entries(all)));
  }
  const [, tag = "", revision] = /^([^=]*)(?:=(.*))?$/s.exec(given) ?? [];
  if (options.delete) return remove(ref, tag, revision, options, io);
  if (tag === "" || revision === undefined || revision === "")
    throw new FaasError("USAGE", `Expected TAG=REVISION, got "${given}"`);
  const client = await connect(options, io);
  const { tags } = await putTag(client, ref, tag, revision);
  printStatus(io, `${tag} is revision ${tags[tag]} of ${endpointKey(ref)}: ${client.url}/${endpointKey(ref)}@${tag}`);
}

async function remove(
  ref: EndpointRef,
  tag: string,
  revision: string | undefined,
  options: Options,
  io: Io,
): Promise<void> {
  if (revision !== undefined) throw new FaasError("USAGE", `Expected the tag alone with \`--delete\`, got "${tag}=…"`);
  await removeTag(await connect(options, io), ref, tag);
  printStatus(io, `Removed the tag ${tag} of ${endpointKey(ref)}.`);
}
