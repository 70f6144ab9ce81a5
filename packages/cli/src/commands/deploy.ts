import { endpointKey, FaasError, type Planned } from "@faas/core";
import { type Command, InvalidArgumentError } from "commander";
import { connect } from "../client/connect.ts";
import { rootAddresses } from "../deploy/addresses.ts";
import { formatChange } from "../deploy/changes.ts";
import { deploy, plan, requestDeployment } from "../deploy/deployment.ts";
import { addSourceOptions } from "../deploy/settings.ts";
import { type DeployFunctionsOptions, deployFunctions } from "../functions/deploy-functions.ts";
import { addCanaryOptions } from "../options/canary-options.ts";
import { addImageOptions } from "../options/image-options.ts";
import { unsetOption } from "../options/setting-name.ts";
import { addSettingsOptions } from "../options/settings-options.ts";
import { openFunctions } from "../project/functions.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";

type Options = GlobalOptions & DeployFunctionsOptions;

export function define(command: Command, io: Io): void {
  addSourceOptions(command);
  addSettingsOptions(command);
  addImageOptions(command);
  addCanaryOptions(command);
  command
    .option("--image <reference>", "Existing image to deploy instead of a build", reference)
    .option("--follow", "With --image: deploy the image that has the tag, and each one that gets it later")
    .option("--env-file <file>", "File with a NAME=value line per variable; --env wins over it")
    .option(
      "--unset <setting>",
      "Setting to put back to its default, or env.NAME or secrets.NAME to remove; repeatable",
      unsetOption,
    )
    .option("--reset", "Put back to its default what neither options nor faas.json name")
    .option("--message <text>", "Why it is deployed, shown by faas revisions")
    .option("--preview", "Deploy beside the serving revision, without a share of the calls")
    .option("--tag <tag>", "With --preview: tag for the revision, which has the address /ORG/ENDPOINT@TAG")
    .option("--expires <duration>", "With --preview: time after which it is removed, such as 7d")
    .option("--dry-run", "Print the settings that would change, and deploy nothing")
    .option("--no-wait", "Return after registration, before the revision is ready")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nOptions win over faas.json, which is searched for in the folder and above it. What neither names stays as it is.",
    )
    .action(async (dir: string | undefined, names: readonly string[]) =>
      run(dir, names, command.optsWithGlobals<Options>(), io),
    );
}

async function run(dir: string | undefined, names: readonly string[], options: Options, io: Io): Promise<void> {
  const { source: folder, found, functions } = await openFunctions(dir, names, io.cwd);
  const isFolderGiven = dir !== undefined && functions === undefined;
  if (
    options.image !== undefined &&
    (isFolderGiven || options.baseImage !== undefined || options.registry !== undefined)
  )
    throw new FaasError(
      "USAGE",
      "`--image` deploys an existing image: omit the folder, `--base-image` and `--registry`",
    );
  if (functions && found)
    return deployFunctions(functions, found.path, options, io, async () => {
      const client = await connect(options, io, folder);
      return { client, config: await client.config() };
    });
  const requested = await requestDeployment({ folder, project: found?.project ?? {} }, options, io);
  const client = await connect(options, io, folder);
  const progress = await Progress.create(io);
  try {
    const context = { options, client, config: await client.config(), progress, io };
    if (options.dryRun) await printPlan(await plan(requested, context), options.output, io);
    else await printDeployed(await deploy(requested, context), options.output, io);
  } catch (error) {
    progress.fail();
    throw error;
  }
}

async function printPlan(planned: Planned, output: OutputFormat, io: Io): Promise<void> {
  await print(planned, output, io, ({ changes }) => changes.map((each) => `${formatChange(each)}\n`).join(""));
  if (output !== "table") return;
  if (planned.created) printStatus(io, `New endpoint: ${endpointKey(planned)} does not exist yet.`);
  else if (planned.changes.length === 0) printStatus(io, "No setting would change.");
}

async function printDeployed(
  { deployed, source: { ref, client, settings } }: Awaited<ReturnType<typeof deploy>>,
  output: OutputFormat,
  io: Io,
): Promise<void> {
  const { created = false, changes = [], unchanged, revision } = deployed;
  if (!created) for (const each of changes) printStatus(io, formatChange(each));
  if (unchanged) printStatus(io, `Unchanged: revision ${revision} is already deployed.`);
  await print(deployed, output, io, ({ url }) => `${url}\n`);
  if (output !== "table") return;
  const { dim } = colors(io.stderr, io);
  for (const address of rootAddresses(ref, deployed.url, settings.hostnames))
    printStatus(io, dim(`also at: ${address}`));
  // A private endpoint rejects a call without a key.
  const isPrivate = client.hasKey && settings.visibility !== "public";
  printStatus(io, dim(`try: ${isPrivate ? `faas invoke ${endpointKey(ref)}` : `curl -i ${deployed.url}`}`));
}

/** Parses an image reference, by the grammar of the distribution project. */
function reference(text: string): string {
  if (/^[\w.:-]+(\/[\w.-]+)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/.test(text)) return text;
  throw new InvalidArgumentError(`an image such as registry.example.com/team/name:tag, got "${text}"`);
}
