import { asciiHostname } from "@faas/core";
import { type Command, InvalidArgumentError } from "commander";

const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** Adds the options of `--expose ingress` and `--expose gateway`, which an upgrade keeps when they are not given. */
export function addRouteOptions(command: Command): void {
  command
    .option(
      "--host <hostname>",
      "With --expose ingress or gateway: hostname of the server, and of endpoints; repeatable",
      (text: string, previous?: string) => (previous === undefined ? host(text) : `${previous},${host(text)}`),
    )
    .option("--cert-issuer <name>", "With these: ClusterIssuer of cert-manager for the certificate", objectName)
    .option("--ingress-class <name>", "With --expose ingress: its class (by default the cluster's default)", objectName)
    .option("--gateway <name[/namespace]>", "With --expose gateway: existing Gateway to use", gatewayName)
    .option("--gateway-class <name>", "With --expose gateway: create a Gateway of this class", objectName);
}

const HOSTNAME = /^(\*\.)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Parses a hostname, which may begin with a wildcard. */
function host(text: string): string {
  const name = asciiHostname(text).toLowerCase();
  if (name.length <= 253 && HOSTNAME.test(name)) return name;
  throw new InvalidArgumentError(`a hostname such as faas.example.com or *.example.com, got "${text}"`);
}

function objectName(text: string): string {
  if (NAME.test(text)) return text;
  throw new InvalidArgumentError(`the name of an object, or none, got "${text}"`);
}

function gatewayName(text: string): string {
  const names = text.split("/");
  if (names.length <= 2 && names.every((name) => NAME.test(name))) return text;
  throw new InvalidArgumentError(`NAME or NAME/NAMESPACE, or none, got "${text}"`);
}
