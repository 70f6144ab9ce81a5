import { FaasError, orgNameProblem } from "@faas/core";
import type { Command } from "commander";
import { Client, serverUrl } from "../client.ts";
import { type ImageFlags, registryOf } from "../image-options.ts";
import type { GlobalOptions, Io } from "../io.ts";
import { say } from "../output.ts";

interface LoginOptions extends GlobalOptions, ImageFlags {
  readonly username: string;
  readonly passwordStdin?: boolean;
}

export function define(command: Command, io: Io): void {
  const login = command
    .command("registry-login")
    .description("keep what the nodes need to pull an organization's images")
    .argument("<org>", "the organization")
    .requiredOption("--username <username>", "user of the registry")
    .requiredOption("--password-stdin", "read the password from standard input")
    .option("--registry <registry>", "as the nodes reach it (default: what the server says)")
    .addHelpText("after", "\nFor the push, docker login on this machine is enough.");
  login.action(async (org: string) => registryLogin(org, login.optsWithGlobals<LoginOptions>(), io));
}

async function registryLogin(org: string, options: LoginOptions, io: Io): Promise<void> {
  const problem = orgNameProblem(org);
  if (problem) throw new FaasError("USAGE", problem);
  const client = new Client(await serverUrl(options, io), io.signal);
  const address = options.registry ?? registryOf(options, await client.config()).pull;
  const password = await readPassword(io);
  const { dockerConfigFor } = await import("@faas/builder");
  await client.putRegistryCredentials(org, dockerConfigFor(address, { username: options.username, password }));
  say(io, `The nodes pull images of ${org} from ${address} as ${options.username}.`);
}

async function readPassword({ stdin, signal }: Io): Promise<string> {
  let text = "";
  stdin.setEncoding("utf8");
  for await (const piece of stdin.iterator({ destroyOnReturn: false })) {
    signal.throwIfAborted();
    text += piece;
  }
  // As `docker login --password-stdin` has it.
  const password = text.replace(/\r?\n$/, "");
  if (password === "") throw new FaasError("USAGE", "Expected the password on standard input, and it is empty");
  return password;
}
