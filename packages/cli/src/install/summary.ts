import type { Exposure, ServerAddress, ServerManifestOptions } from "@faas/installer";
import { storeToken } from "../client/credentials.ts";
import type { Io } from "../terminal/io.ts";
import { colors, type OutputFormat, print, printStatus, printWarning } from "../terminal/output.ts";

/** Prints the address of an installed server, how to read its admin key, and the next commands. Saves the key when the server is reachable. */
export async function printSummary(
  { namespace, image, expose, dockerConfigJson, registryPull, adminToken }: ServerManifestOptions,
  { url, reachable }: ServerAddress,
  output: OutputFormat,
  io: Io,
  ca: string | undefined,
): Promise<void> {
  await print({ url, reachable, namespace, image, expose }, output, io, () => `${url}\n`);
  const file = reachable && adminToken !== undefined ? await storeToken(url, adminToken, io, ca) : undefined;
  if (output !== "table") return;
  if (dockerConfigJson !== undefined)
    printStatus(
      io,
      `The nodes pull the server's image from ${registryPull} with Docker's login on this machine (secret ${namespace}/faas-registry).`,
    );
  const readKey = `kubectl -n ${namespace} get secret faas-admin-key -o jsonpath={.data.token} | base64 -d`;
  if (adminToken === undefined)
    printWarning(io, `keys are not required. Anyone who reaches ${url} can deploy and call everything.`);
  else printStatus(io, `The admin key is in the secret ${namespace}/faas-admin-key: ${readKey}`);
  if (file !== undefined) printStatus(io, `It is saved in ${file}, as faas login does.`);
  const route = ROUTES[expose];
  const access = { ...(adminToken === undefined ? {} : { readKey }), ...(route === undefined ? {} : { route }) };
  if (route !== undefined && url.startsWith("http:"))
    printWarning(
      io,
      `${url} has no certificate: keys and data can be read on the way. Pass --tls-secret or --cert-issuer.`,
    );
  printNextCommands({ namespace, url, reachable, ...access }, io);
}

interface Access {
  readonly namespace: string;
  readonly url: string;
  readonly reachable: boolean;
  /** Shell command that prints the admin key; absent when keys are not required. */
  readonly readKey?: string;
  /** Object through which clients reach the server, as kubectl names it. Absent: its Service. */
  readonly route?: string;
}

const ROUTES: Partial<Record<Exposure, string>> = { ingress: "ingress/faas", gateway: "httproute/faas" };

function printNextCommands({ namespace, url, reachable, readKey, route }: Access, io: Io): void {
  const { bold } = colors(io.stderr, io);
  printStatus(io, "Next:");
  if (reachable) printStatus(io, `  ${bold(`export FAAS_SERVER=${url}`)}`);
  else {
    if (route !== undefined)
      printStatus(io, `  ${bold(`kubectl -n ${namespace} describe ${route}`)}  # shows whether a controller serves it`);
    printStatus(io, `  ${bold(`kubectl -n ${namespace} port-forward service/faas 8887 &`)}`);
    printStatus(io, `  # ${url} is not reachable from here; http://127.0.0.1:8887, the default of faas, then is`);
    if (readKey !== undefined) printStatus(io, `  ${bold(`${readKey} | faas login --token-stdin`)}`);
  }
  printStatus(io, `  ${bold("faas deploy ./src --org acme --endpoint hello")}`);
}
