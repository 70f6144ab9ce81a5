import { type EndpointRef, endpointKey, FaasError, type TrafficView, wrongShareSum } from "@faas/core";
import type { Command } from "commander";
import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import { putSplit, removeSplit, traffic } from "../client/traffic.ts";
import { parseRef } from "../options/target.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly sticky?: string;
  readonly off?: boolean;
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint>", "Endpoint whose calls to divide")
    .argument("[shares...]", "REVISION=PERCENT for each revision: an id, the beginning of one, or a tag")
    .option("--sticky <key>", "Keep callers at their revision: cookie, or header:NAME for a header of the calls")
    .option("--off", "End the split: all calls go to the serving revision")
    .addOption(outputOption())
    .addHelpText("after", "\nWithout shares, it shows the split. A deployment ends it when its revision is ready.")
    .action(async (target: string, shares: readonly string[]) =>
      split(parseRef(target), shares, command.optsWithGlobals<Options>(), io),
    );
}

async function split(ref: EndpointRef, given: readonly string[], options: Options, io: Io): Promise<void> {
  const { off = false, sticky } = options;
  if (off && (given.length > 0 || sticky !== undefined))
    throw new FaasError("USAGE", "`--off` ends the split: omit the shares and `--sticky`");
  if (given.length === 0 && sticky !== undefined)
    throw new FaasError("USAGE", "`--sticky` needs the shares: REVISION=PERCENT for each revision");
  const shares = sharesOf(given);
  const client = await connect(options, io);
  const view = await change(client, ref, { off, sticky, shares });
  await print(view, options.output, io, table);
  if (options.output === "table" && view.shares === undefined)
    printStatus(io, `No split: all calls of ${endpointKey(ref)} go to the revision ${view.serving}.`);
}

async function change(
  client: Client,
  ref: EndpointRef,
  {
    off,
    sticky,
    shares,
  }: Pick<Options, "sticky"> & {
    readonly off: boolean;
    readonly shares: Readonly<Record<string, number>>;
  },
): Promise<TrafficView> {
  if (off) return removeSplit(client, ref);
  if (Object.keys(shares).length === 0) return traffic(client, ref);
  return putSplit(client, ref, { shares, ...(sticky === undefined ? {} : { sticky }) });
}

/**
 * Parses the shares of revisions.
 *
 * @throws USAGE
 */
function sharesOf(given: readonly string[]): Record<string, number> {
  const shares: Record<string, number> = {};
  for (const text of given) {
    const [, revision, percent] = /^([^=]+)=(\d+(?:\.\d+)?)%?$/.exec(text) ?? [];
    if (revision === undefined || Number(percent) > 100)
      throw new FaasError("USAGE", `Expected REVISION=PERCENT with a number from 0 to 100, got "${text}"`);
    if (Object.hasOwn(shares, revision)) throw new FaasError("USAGE", `Expected one share for ${revision}, got two`);
    shares[revision] = Number(percent);
  }
  const sum = given.length === 0 ? undefined : wrongShareSum(shares);
  if (sum !== undefined) throw new FaasError("USAGE", `Expected the shares to add up to 100, got ${sum}`);
  return shares;
}

function table({ serving, shares = {}, sticky, tags, previews, keptWarm }: TrafficView): string {
  const notes = new Map<string, string[]>([[serving, ["serving"]]]);
  const note = (revision: string, text: string) => notes.set(revision, [...(notes.get(revision) ?? []), text]);
  for (const revision of Object.keys(shares)) note(revision, "");
  for (const [tag, revision] of Object.entries(tags)) note(revision, `@${tag}`);
  for (const { revision, expiresAt } of previews)
    note(revision, expiresAt === undefined ? "preview" : `preview until ${expiresAt}`);
  if (keptWarm) note(keptWarm.revision, `kept warm until ${keptWarm.until}`);
  const hasShares = Object.keys(shares).length > 0;
  const shareOf = (revision: string) => `${hasShares ? (shares[revision] ?? 0) : revision === serving ? 100 : 0} %`;
  const rows = Array.from(notes, ([revision, texts]) => [
    ...[revision, shareOf(revision)],
    texts.filter(Boolean).join(", "),
  ]);
  return `${columns(["REVISION", "SHARE", "STATE"], rows)}${sticky === undefined ? "" : `sticky by ${sticky}\n`}`;
}
