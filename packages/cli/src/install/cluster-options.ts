import { type Command, InvalidArgumentError } from "commander";
import { optionWithLaterDefault } from "../options/value-parsers.ts";

const DEFAULT_NAMESPACE = "faas-system";

/** Adds the options that select a cluster and the namespace of the server. */
export const addClusterOptions = (command: Command): Command =>
  command
    .option("--namespace <namespace>", "Namespace of the server", namespaceName, DEFAULT_NAMESPACE)
    .addOption(optionWithLaterDefault("--context <name>", "Context of the kubeconfig", "the current one"));

/** Parses the name of a namespace, a DNS-1123 label. */
function namespaceName(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError(`lower-case letters, digits and hyphens, at most 63 characters, got "${text}"`);
}
