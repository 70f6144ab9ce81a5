import { readFileSync } from "node:fs";
import { FaasError } from "@faas/core";
import { Command, InvalidArgumentError, type OutputConfiguration } from "commander";
import type { Io } from "./terminal/io.ts";

/** Adds arguments, options and the action of one command; `commands/<verb>.ts` exports it as `define`. */
export type Define = (command: Command, io: Io) => void;

interface Verb {
  readonly summary: string;
  readonly load: () => Promise<{ readonly define: Define }>;
}

/** All commands. A command's module is loaded when it is called, so that none pays for the others. */
export const verbs: Readonly<Record<string, Verb>> = {
  up: { summary: "start the control server on this machine", load: () => import("./commands/up.ts") },
  down: { summary: "stop the control server on this machine", load: () => import("./commands/down.ts") },
  init: { summary: "write a function to begin with", load: () => import("./commands/init.ts") },
  dev: {
    summary: "run a function without a server, and reload it on every save",
    load: () => import("./commands/dev.ts"),
  },
  deploy: {
    summary: "make a folder with a function an endpoint that answers",
    load: () => import("./commands/deploy.ts"),
  },
  build: {
    summary: "make a folder a container image, without deploying it",
    load: () => import("./commands/build.ts"),
  },
  invoke: { summary: "call an endpoint", load: () => import("./commands/invoke.ts") },
  logs: { summary: "show what an endpoint's function prints", load: () => import("./commands/logs.ts") },
  list: { summary: "list endpoints", load: () => import("./commands/list.ts") },
  describe: {
    summary: "show an endpoint: settings, replicas, what failed",
    load: () => import("./commands/describe.ts"),
  },
  remove: {
    summary: "remove an endpoint, or an organization with all that it has",
    load: () => import("./commands/remove.ts"),
  },
  login: { summary: "keep the key for a server", load: () => import("./commands/login.ts") },
  logout: { summary: "forget the key for a server", load: () => import("./commands/logout.ts") },
  key: { summary: "make, list and revoke keys", load: () => import("./commands/key.ts") },
  secret: { summary: "set, list and remove what only functions may read", load: () => import("./commands/secret.ts") },
  org: { summary: "make, list, limit and remove organizations", load: () => import("./commands/org.ts") },
  install: { summary: "put the control server into a Kubernetes cluster", load: () => import("./commands/install.ts") },
  upgrade: {
    summary: "bring the server in a cluster to this version",
    load: () => import("./commands/upgrade.ts"),
  },
  uninstall: {
    summary: "remove the server from a cluster, with all that it has made there",
    load: () => import("./commands/uninstall.ts"),
  },
  bench: { summary: "measure an endpoint under load", load: () => import("./commands/bench.ts") },
  doctor: { summary: "check this machine and the server", load: () => import("./commands/doctor.ts") },
  completion: { summary: "print a completion script for a shell", load: () => import("./commands/completion.ts") },
};

export const version: string = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;

/** The program with the commands of `loaded` whole, and the others as a line of the help. */
export async function createProgram(io: Io, loaded: readonly string[]): Promise<Command> {
  const program = new Command("faas")
    .description("Functions as a service that a small team hosts itself")
    .version(version)
    .option("--server <url>", "control server (or FAAS_SERVER, or faas.json; default http://127.0.0.1:8887)")
    .option(
      "--ca <file>",
      "certificate of the authority that signed the server's (or FAAS_CA; faas login remembers it)",
    )
    .option("--verbose", "show stack traces of errors");
  prepare(program, io);
  for (const [name, { summary, load }] of Object.entries(verbs)) {
    const command = program.command(name).description(summary);
    prepare(command, io);
    if (loaded.includes(name)) (await load()).define(command, io);
    else command.allowUnknownOption().argument("[arguments...]");
    nameOptionsInErrors(command);
  }
  return program;
}

function prepare(command: Command, io: Io): void {
  const output: OutputConfiguration = {
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
    getOutHelpWidth: () => io.stdout.columns ?? 100,
  };
  command
    .exitOverride()
    .configureOutput(output)
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (subcommand) => subcommand.name(),
      visibleGlobalOptions: (subcommand) => subcommand.parent?.options.filter(({ long }) => long !== "--version") ?? [],
    })
    .showSuggestionAfterError()
    .showHelpAfterError("(--help shows the options)");
}

/** A wrong value is refused with the name of its option, what was expected and what came. */
function nameOptionsInErrors(command: Command): void {
  for (const subcommand of command.commands) nameOptionsInErrors(subcommand);
  for (const option of command.options) {
    const { parseArg: parse, argChoices: choices, long } = option;
    if (!parse) continue;
    option.argParser((text: string, before: unknown) => {
      try {
        return parse(text, before);
      } catch (error) {
        if (!(error instanceof InvalidArgumentError)) throw error;
        const expected = choices ? `one of ${choices.join(", ")}, got "${text}"` : error.message;
        throw new FaasError("USAGE", `Expected the \`${long}\` option to be ${expected}`, { cause: error });
      }
    });
  }
}
