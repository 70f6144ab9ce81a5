import { setTimeout as sleep } from "node:timers/promises";
import { type CloudEvent, eventTypeMatcher } from "@faas/core";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import { readEvents } from "../client/events.ts";
import { isTemporary } from "../client/temporary-errors.ts";
import { checkOrg, parseRef } from "../options/target.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, printStatus, write } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly follow?: boolean;
  readonly type?: string;
  readonly after?: string;
  readonly output: "text" | "json";
}

/** Time after which a broken stream is opened again. */
const RETRY_MS = 1_000;
/** Facts that are in the JSON alone. */
const LONG: ReadonlySet<string> = new Set(["stages"]);

export function define(command: Command, io: Io): void {
  command
    .argument("[org/endpoint]", "Only the events of an organization, or of one endpoint")
    .option("-f, --follow", "Follow new events until Ctrl-C, also over restarts of the server")
    .option(
      "--type <types>",
      'Show only events of these types, such as "faas.endpoint.*,faas.replica.failed"',
      typeList,
    )
    .option("--after <id>", "Show only events after the one with this id")
    .addOption(
      new Option("-o, --output <format>", "Output format; json is one CloudEvent per line")
        .choices(["text", "json"])
        .default("text"),
    )
    .action(async (target: string | undefined) => events(target, command.optsWithGlobals<Options>(), io));
}

async function events(target: string | undefined, options: Options, io: Io): Promise<void> {
  const query = { ...targetQuery(target), ...(options.type === undefined ? {} : { type: options.type }) };
  const client = await connect(options, io);
  const format = options.output === "json" ? (event: CloudEvent) => `${JSON.stringify(event)}\n` : formatter(io);
  const { after = "0", follow } = options;
  if (follow) return followEvents(client, query, after, io, format);
  for await (const event of readEvents(client, { ...query, follow: "false" }, after)) await write(io, format(event));
}

/** Prints events until the command is interrupted; continues after the last one when the connection breaks. */
async function followEvents(
  client: Client,
  query: Readonly<Record<string, string>>,
  after: string,
  io: Io,
  format: (event: CloudEvent) => string,
): Promise<void> {
  let last = after;
  let isBroken = false;
  let wasOpen = false;
  while (!io.signal.aborted) {
    try {
      for await (const event of readEvents(client, query, last)) {
        last = event.id;
        isBroken = false;
        await write(io, format(event));
      }
    } catch (error) {
      if (io.signal.aborted) return;
      if (!isTemporary(error)) throw error;
      // An error of the first request is more likely a mistake than a restart.
      if (!wasOpen && error.code !== "ANSWER_INCOMPLETE") throw error;
    }
    if (io.signal.aborted) return;
    wasOpen = true;
    if (!isBroken) printStatus(io, "connection lost, will retry");
    isBroken = true;
    await sleep(RETRY_MS, undefined, { signal: io.signal }).catch(() => {});
  }
}

function targetQuery(target: string | undefined): Record<string, string> {
  if (target === undefined) return {};
  return target.includes("/") ? { ...parseRef(target) } : { org: checkOrg(target) };
}

/** Returns a function that formats an event for people: time, type, object, and the facts as `name=value`. */
function formatter(io: Io): (event: CloudEvent) => string {
  const { dim, red } = colors(io.stdout, io);
  return ({ time, type, subject = "", data }) => {
    const name = type.replace(/^faas\./, "");
    const facts = Object.entries(data).filter(([key]) => !LONG.has(key));
    const words = [dim(time), name.endsWith(".failed") ? red(name) : name, subject, ...facts.map(formatFact)];
    return `${words.filter((word) => word !== "").join(" ")}\n`;
  };
}

/** Formats a fact: text without spaces as it is, every other value as JSON. */
const formatFact = ([key, value]: readonly [string, unknown]) =>
  `${key}=${typeof value === "string" && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value)}`;

function typeList(text: string): string {
  if (eventTypeMatcher(text) === undefined)
    throw new InvalidArgumentError(`types of events such as faas.endpoint.*, got "${text}"`);
  return text;
}
