import { endpointKey } from "@faas/core";
import { Argument, type Command } from "commander";
import { callKey } from "../calls/call-ref.ts";
import { listAsyncCalls } from "../client/async-calls.ts";
import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import { listRevisions } from "../client/revisions.ts";
import { listSchedules } from "../client/schedules.ts";
import { type NameKind, nameKinds } from "../completion/commands.ts";
import { parseRef } from "../options/target.ts";
import { findProject } from "../project/project.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";

/** Time limit for the server, which the user waits for after pressing Tab. */
const TIMEOUT_MS = 2_000;

export function define(command: Command, io: Io): void {
  command
    .addArgument(new Argument("<kind>", "Kind of the names").choices(nameKinds))
    .argument("[words...]", "Command line so far, after --")
    .action(async (kind: NameKind, words: readonly string[]) => {
      const names = await namesOf(kind, words, command.optsWithGlobals<GlobalOptions>(), io).catch(() => []);
      io.stdout.write(names.map((name) => `${name}\n`).join(""));
    });
}

async function namesOf(
  kind: NameKind,
  words: readonly string[],
  options: GlobalOptions,
  io: Io,
): Promise<readonly string[]> {
  const [server, ca] = [optionIn(words, "--server"), optionIn(words, "--ca")];
  const typed = { ...(server === undefined ? {} : { server }), ...(ca === undefined ? {} : { ca }) };
  const client = (await connect({ ...options, ...typed }, io)).withSignal(
    AbortSignal.any([io.signal, AbortSignal.timeout(TIMEOUT_MS)]),
  );
  if (kind === "orgs") return (await client.orgs()).map(({ org }) => org);
  if (kind === "endpoints") return (await client.endpoints()).map(endpointKey);
  if (kind === "calls") return callsOf(client);
  if (kind === "schedules") return namesOfSchedules(words, client);
  if (kind === "revisions") return revisionsOf(words, client);
  const org = await orgIn(words, io);
  return org === undefined ? [] : (await client.secrets(org)).map(({ name }) => name);
}

/** Returns the newest asynchronous calls of all organizations that the key can see. */
async function callsOf(client: Client): Promise<readonly string[]> {
  const orgs = await client.orgs();
  const lists = await Promise.all(orgs.map(({ org }) => listAsyncCalls(client, org, { limit: "100" })));
  return lists.flatMap(({ calls }) => calls.map(callKey));
}

/** Returns the revisions of the endpoint that a command line names. */
async function revisionsOf(words: readonly string[], client: Client): Promise<readonly string[]> {
  const target = targetIn(words);
  if (target === undefined) return [];
  return (await listRevisions(client, parseRef(target))).map(({ revision }) => revision);
}

/** Returns the schedules of the endpoint that a command line names. */
async function namesOfSchedules(words: readonly string[], client: Client): Promise<readonly string[]> {
  const target = targetIn(words);
  if (target === undefined) return [];
  const { org, endpoint } = parseRef(target);
  return (await listSchedules(client, org, endpoint)).map(({ name }) => name);
}

const targetIn = (words: readonly string[]) => words.find((word) => /^[^-/][^/]*\/[^/]+$/.test(word));

/** Returns the organization that a command line is about: the argument of `faas secret`, `--org`, or that of `faas.json`. */
async function orgIn(words: readonly string[], io: Io): Promise<string | undefined> {
  const at = words.indexOf("secret");
  const argument = at < 0 ? undefined : words[at + 2];
  return argument ?? optionIn(words, "--org") ?? (await findProject(io.cwd))?.project.org;
}

/** Returns the value of an option in a command line that is not complete, in its two spellings. */
function optionIn(words: readonly string[], name: string): string | undefined {
  const joined = words.find((word) => word.startsWith(`${name}=`));
  if (joined !== undefined) return joined.slice(name.length + 1);
  const at = words.indexOf(name);
  return at < 0 ? undefined : words[at + 1];
}
