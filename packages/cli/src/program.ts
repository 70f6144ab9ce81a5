import { FaasError } from "@faas/core/errors";
import { Command, Help, InvalidArgumentError, Option, type OutputConfiguration } from "commander";
import { DEFAULT_SERVER } from "./client/default-server.ts";
import type { Io } from "./terminal/io.ts";
import { withoutDestructiveSuggestions } from "./terminal/suggestions.ts";
import { version } from "./version.ts";

/** Adds arguments, options and the action of one command; `commands/<name>.ts` exports it as `define`. */
type DefineCommand = (command: Command, io: Io, loadProgram: (io?: Io) => Promise<Command>) => void;

interface LazyCommand {
  readonly summary: string;
  readonly alias?: string;
  /** True for a command that only scripts of ours run. */
  readonly hidden?: boolean;
  readonly load: () => Promise<{ readonly define: DefineCommand }>;
}

/** All commands. The module of a command is loaded when that command runs, so that no command pays for the others. */
export const commands: Readonly<Record<string, LazyCommand>> = {
  up: { summary: "Start the control server on this machine", load: () => import("./commands/up.ts") },
  down: { summary: "Stop the control server on this machine", load: () => import("./commands/down.ts") },
  init: { summary: "Create a starter function", load: () => import("./commands/init.ts") },
  dev: { summary: "Run a function locally and reload it on every save", load: () => import("./commands/dev.ts") },
  deploy: { summary: "Deploy a function", load: () => import("./commands/deploy.ts") },
  config: { summary: "Show or change an endpoint's settings", load: () => import("./commands/config.ts") },
  build: { summary: "Build a container image without deploying it", load: () => import("./commands/build.ts") },
  split: {
    summary: "Divide an endpoint's calls among its revisions",
    load: () => import("./commands/split.ts"),
  },
  tag: { summary: "Give revisions addresses of their own", load: () => import("./commands/tag.ts") },
  invoke: { summary: "Call an endpoint", load: () => import("./commands/invoke.ts") },
  calls: {
    summary: "List, show, retry and drop asynchronous calls",
    load: () => import("./commands/calls.ts"),
  },
  schedule: {
    summary: "Call an endpoint at certain times: add, list, run and remove schedules",
    load: () => import("./commands/schedule.ts"),
  },
  logs: { summary: "Show recent log lines", load: () => import("./commands/logs.ts") },
  stats: { summary: "Count recent calls, errors and cold starts", load: () => import("./commands/stats.ts") },
  trace: { summary: "Show the way of a recent call", load: () => import("./commands/trace.ts") },
  events: { summary: "Show events of the server as they happen", load: () => import("./commands/events.ts") },
  list: { summary: "List endpoints", alias: "ls", load: () => import("./commands/list.ts") },
  status: { summary: "Show the state of the server and its gateways", load: () => import("./commands/status.ts") },
  ps: { summary: "List running replicas", load: () => import("./commands/ps.ts") },
  open: { summary: "Open an endpoint in the browser", load: () => import("./commands/open.ts") },
  describe: {
    summary: "Show an endpoint's settings, replicas and last failure",
    load: () => import("./commands/describe.ts"),
  },
  revisions: { summary: "List the kept revisions of an endpoint", load: () => import("./commands/revisions.ts") },
  diff: { summary: "Compare two revisions of an endpoint", load: () => import("./commands/diff.ts") },
  export: {
    summary: "Print an endpoint as Kubernetes objects, or as faas.json",
    load: () => import("./commands/export.ts"),
  },
  rollback: {
    summary: "Go back to the revision that served before, or to another one",
    load: () => import("./commands/rollback.ts"),
  },
  promote: { summary: "Make a kept revision serve", load: () => import("./commands/promote.ts") },
  remove: {
    summary: "Remove an endpoint or an organization",
    alias: "rm",
    load: () => import("./commands/remove.ts"),
  },
  login: { summary: "Save a key for a server", load: () => import("./commands/login.ts") },
  logout: { summary: "Delete the saved key for a server", load: () => import("./commands/logout.ts") },
  whoami: { summary: "Show the key that a server sees", load: () => import("./commands/whoami.ts") },
  key: { summary: "Create, list and revoke keys", load: () => import("./commands/key.ts") },
  secret: { summary: "Set, list and remove secrets", load: () => import("./commands/secret.ts") },
  org: { summary: "Create, list, limit and remove organizations", load: () => import("./commands/org.ts") },
  install: {
    summary: "Install the control server in a Kubernetes cluster",
    load: () => import("./commands/install.ts"),
  },
  upgrade: { summary: "Upgrade the server in a cluster to this version", load: () => import("./commands/upgrade.ts") },
  uninstall: {
    summary: "Remove the server and everything it created from a cluster",
    load: () => import("./commands/uninstall.ts"),
  },
  gateway: {
    summary: "Run a gateway for a control server in another process",
    load: () => import("./commands/gateway.ts"),
  },
  mcp: { summary: "Offer tools to an agent on this machine", load: () => import("./commands/mcp.ts") },
  bench: { summary: "Measure an endpoint under load", load: () => import("./commands/bench.ts") },
  doctor: { summary: "Check this machine and the server", load: () => import("./commands/doctor.ts") },
  completion: { summary: "Print a shell completion script", load: () => import("./commands/completion.ts") },
  "completion-names": {
    summary: "Print the names that a completion script offers",
    hidden: true,
    load: () => import("./commands/completion-names.ts"),
  },
};

/** Returns the command that a word of the command line names; undefined for any other word. */
export function commandNamed(word: string): string | undefined {
  if (Object.hasOwn(commands, word)) return word;
  return Object.keys(commands).find((name) => commands[name]?.alias === word);
}

/** Creates the program with the options and actions of the `loaded` commands; of the others it knows name and summary. */
export async function createProgram(io: Io, loaded: readonly string[]): Promise<Command> {
  const program = new Command("faas")
    .description("Functions as a service that a small team hosts itself")
    .version(version, "-V, --version", "Print the version")
    .helpCommand("help [command]", "Show help for a command")
    .addOption(
      new Option("--server <url>", "URL of the control server (or FAAS_SERVER, or server in faas.json)").default(
        undefined,
        DEFAULT_SERVER,
      ),
    )
    .option("--ca <file>", "Certificate authority of the server, PEM (or FAAS_CA; faas login saves it)")
    .option("--verbose", "Show stack traces of errors");
  configure(program, io);
  const loadProgram = (of = io) => createProgram(of, Object.keys(commands));
  for (const [name, { summary, alias, hidden = false, load }] of Object.entries(commands)) {
    const command = program.command(name, { hidden }).description(summary);
    if (alias !== undefined) command.alias(alias);
    configure(command, io);
    if (loaded.includes(name)) (await load()).define(command, io, loadProgram);
    else command.allowUnknownOption().argument("[arguments...]");
    nameOptionsInErrors(command);
  }
  return program;
}

function configure(command: Command, io: Io): void {
  const output: OutputConfiguration = {
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stderr.write(text),
    outputError: (text, write) => write(withoutDestructiveSuggestions(text)),
    getOutHelpWidth: () => io.stdout.columns ?? 100,
  };
  command
    .exitOverride()
    .configureOutput(output)
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (subcommand) => [subcommand.name(), ...subcommand.aliases()].join(", "),
      visibleGlobalOptions: (subcommand) => subcommand.parent?.options.filter(({ long }) => long !== "--version") ?? [],
      optionDescription: describeOption,
    })
    .helpOption("-h, --help", "Show help")
    .showSuggestionAfterError()
    .showHelpAfterError("(run with --help to list the options)");
}

const help = new Help();

/** Describes an option with its default, also one that is not commander's to fill in: the server, `faas.json` or the machine decides it. */
function describeOption(option: Option): string {
  const { defaultValue, defaultValueDescription: text } = option;
  const isDecidedLater = defaultValue === undefined && text !== undefined;
  return help.optionDescription(isDecidedLater ? Object.create(option, { defaultValue: { value: text } }) : option);
}

/** Makes the error for an invalid value name the option, the expected value and the given one. */
function nameOptionsInErrors(command: Command): void {
  for (const subcommand of command.commands) nameOptionsInErrors(subcommand);
  for (const option of command.options) {
    const { parseArg: parse, argChoices: choices, long } = option;
    if (!parse) continue;
    option.argParser((text: string, previous: unknown) => {
      try {
        return parse(text, previous);
      } catch (error) {
        if (!(error instanceof InvalidArgumentError)) throw error;
        const expected = choices ? `one of ${choices.join(", ")}, got "${text}"` : error.message;
        throw new FaasError("USAGE", `Expected the \`${long}\` option to be ${expected}`, { cause: error });
      }
    });
  }
}
