import { type EndpointView, FaasError } from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/connect.ts";
import { rootAddresses } from "../deploy/addresses.ts";
import { parseTarget, pathOf, type Target } from "../options/target.ts";
import { openBrowser } from "../terminal/browser.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printWarning } from "../terminal/output.ts";

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint[/rest]>", "Endpoint to open, with path and query")
    .addHelpText("after", "\nThe address goes to stdout. BROWSER selects the program that opens it.")
    .action(async (target: string) => open(parseTarget(target), command.optsWithGlobals<GlobalOptions>(), io));
}

async function open(target: Target, options: GlobalOptions, io: Io): Promise<void> {
  const client = await connect(options, io);
  const view = await client.endpoint(target);
  const address = addressOf(view, target);
  io.stdout.write(`${address}\n`);
  if (client.hasKey && view.settings.visibility !== "public")
    printWarning(io, 'a browser sends no key, so the endpoint will reject it: deploy with "--visibility public"');
  await openBrowser(address, io);
}

/** Returns the address for a browser: that of the endpoint's first hostname, if it has one. */
function addressOf(view: EndpointView, target: Target): string {
  const { url, settings } = view;
  const path = pathOf(target).slice(`/${view.org}/${view.endpoint}`.length);
  if (!/^https?:/.test(url)) throw new FaasError("SERVER_INCOMPATIBLE", `Expected an address on the web, got "${url}"`);
  const [root] = settings.hostnames === undefined ? [] : rootAddresses(view, url, settings.hostnames);
  if (root !== undefined) return root + path.replace(/^\//, "");
  // A page's relative links lead to the application only below its address with a slash.
  return url + (path === "" && settings.app !== undefined ? "/" : path);
}
