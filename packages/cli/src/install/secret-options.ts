import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { FaasError, parseRegistryHookToken } from "@faas/core";
import type { SecretValues, ServerManifestOptions, ServerSecrets } from "@faas/installer";
import type { Command } from "commander";
import { optionWithLaterDefault } from "../options/value-parsers.ts";
import type { Io } from "../terminal/io.ts";

/** Options whose values are stored in a Secret of the installation. */
export interface SecretOptions {
  readonly queue?: string;
  readonly queueCredentials?: string;
  readonly registryHookTokenFile?: string;
}

/** Adds the options whose values are stored in a Secret, which an upgrade keeps when they are not given. */
export function addSecretOptions(command: Command): void {
  command
    .addOption(
      optionWithLaterDefault(
        "--queue <url>",
        "NATS server for the queue, nats://HOST:PORT or tls://HOST:PORT (or FAAS_QUEUE); none for the volume",
        "on the volume",
      ),
    )
    .option(
      "--queue-credentials <file>",
      "File with the credentials for it (or FAAS_QUEUE_CREDENTIALS); none removes them",
    )
    .option(
      "--registry-hook-token-file <file>",
      "File with the token of registries that report pushed images; none removes it",
    );
}

/**
 * Returns the secret settings of the options and of an existing installation, as a part of the manifest's options.
 *
 * @throws USAGE
 */
export async function withSecrets(
  options: SecretOptions,
  previous: ServerSecrets | undefined,
  io: Io,
): Promise<Pick<ServerManifestOptions, "serverSecrets">> {
  const { serverSecretsFor } = await import("@faas/installer");
  const given = await readValues(options, io);
  if (given.queueCredentials !== undefined && (given.queue ?? previous?.values.queue ?? "none") === "none")
    throw new FaasError("USAGE", "--queue-credentials requires --queue");
  const serverSecrets = serverSecretsFor(given, previous);
  return serverSecrets === undefined ? {} : { serverSecrets };
}

/** Reads the values, and checks them as far as the log of a pod would otherwise be the first to name a mistake. */
async function readValues(options: SecretOptions, io: Io): Promise<SecretValues> {
  const queue = options.queue ?? (io.env.FAAS_QUEUE || undefined);
  const credentialsFile = options.queueCredentials ?? (io.env.FAAS_QUEUE_CREDENTIALS || undefined);
  const { registryHookTokenFile: tokenFile } = options;
  if (queue !== undefined && queue !== "none" && !/^(?:nats|tls):\/\/[^/?]/.test(queue))
    throw new FaasError("USAGE", "Expected nats://HOST:PORT, tls://HOST:PORT or none in --queue, got another value");
  return {
    queue,
    queueCredentials: isFile(credentialsFile)
      ? await readOptionFile("--queue-credentials", credentialsFile, io)
      : credentialsFile,
    registryHookToken: isFile(tokenFile)
      ? parseRegistryHookToken(await readOptionFile("--registry-hook-token-file", tokenFile, io), tokenFile)
      : tokenFile,
  };
}

const isFile = (name: string | undefined): name is string => name !== undefined && name !== "none";

/** @throws USAGE */
async function readOptionFile(option: string, file: string, io: Io): Promise<string> {
  try {
    return await readFile(resolve(io.cwd, file), "utf8");
  } catch (cause) {
    throw new FaasError("USAGE", `Expected a readable file in ${option}: ${(cause as Error).message}`, { cause });
  }
}
