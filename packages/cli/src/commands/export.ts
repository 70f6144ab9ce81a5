import { detectedSettings, type EndpointRef, type Project, setSettings } from "@faas/core";
import { type Command, Option } from "commander";
import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import { endpointManifests, revisionDetails } from "../client/revisions.ts";
import { parseRef } from "../options/target.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly output: "yaml" | "json";
  readonly project?: boolean;
}

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint>", "Endpoint")
    .option("--project", "Print a faas.json that deploys it again by faas, instead of Kubernetes objects")
    .addOption(new Option("-o, --output <format>", "Format of the objects").choices(["yaml", "json"]).default("yaml"))
    .addHelpText(
      "after",
      "\nPrints objects for kubectl apply in any namespace, which run the serving revision without faas. Secrets are named, never printed.",
    )
    .action(async (target: string) => {
      const options = command.optsWithGlobals<Options>();
      const client = await connect(options, io);
      if (options.project) await exportProject(parseRef(target), client, io);
      else await exportObjects(parseRef(target), client, options, io);
    });
}

/** Prints the Kubernetes objects of an endpoint, and what the user has to add to them. */
async function exportObjects(ref: EndpointRef, client: Client, { output }: Options, io: Io): Promise<void> {
  const { objects } = await endpointManifests(client, ref);
  if (output === "json")
    io.stdout.write(`${JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }, null, 2)}\n`);
  else {
    const { stringify } = await import("../terminal/yaml.ts");
    io.stdout.write(objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join("---\n"));
  }
  for (const command of secretCommands(objects))
    printStatus(io, `Values of secrets are not exported. Create them in the namespace first:\n  ${command}`);
  printStatus(
    io,
    "Without faas, requests need no key, and nothing scales to zero, starts schedules or delivers asynchronous calls.",
  );
}

/** Returns a command for each Secret that objects refer to by their variables. */
function secretCommands(objects: readonly object[]): readonly string[] {
  const keys = new Map<string, Set<string>>();
  JSON.stringify(objects, (name, value) => {
    if (name === "secretKeyRef") keys.set(value.name, (keys.get(value.name) ?? new Set()).add(value.key));
    return value;
  });
  return [...keys].map(([secret, names]) =>
    ["kubectl create secret generic", secret, ...[...names].map((key) => `--from-literal=${key}=VALUE`)].join(" "),
  );
}

/** Prints the `faas.json` of an endpoint, and how to deploy it with the same code. */
async function exportProject(ref: EndpointRef, client: Client, io: Io): Promise<void> {
  const { revision, image } = await client.endpoint(ref);
  const { settings } = await revisionDetails(client, ref, revision);
  const project: Project = { ...ref, ...setSettings({ settings }), ...detectedSettings({ settings }) } as Project;
  io.stdout.write(`${JSON.stringify(project, null, 2)}\n`);
  const isBundle = image.startsWith("bundle@");
  printStatus(io, `Deploy it ${isBundle ? "from its folder: faas deploy" : `with: faas deploy --image ${image}`}`);
}
