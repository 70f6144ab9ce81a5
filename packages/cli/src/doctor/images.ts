import type { Io } from "../terminal/io.ts";
import type { Check } from "./checks.ts";

/** Checks of `faas doctor` for servers that run images. The embedded platform does not need them: a failed one is a warning. */

const TIMEOUT_MS = 5_000;

/** Checks that a Docker engine responds. */
export async function checkDocker(io: Io): Promise<Check> {
  const name = "docker";
  const { dockerFacts } = await import("@faas/builder");
  try {
    const { host, version } = await dockerFacts(io.env);
    return { name, status: "ok", found: `Docker ${version} at ${host}` };
  } catch (error) {
    const [, found = (error as Error).message] = /(no Docker engine .*?)\. /i.exec((error as Error).message) ?? [];
    return {
      name,
      status: "warning",
      found,
      advice: "Only for Dockerfiles and packages that must be compiled: start Docker, or set DOCKER_HOST",
    };
  }
}

/** Checks the registry, as this machine reaches it. */
export async function checkRegistry(registry: string | undefined, io: Io): Promise<Check> {
  const name = "registry";
  const forImages = "Only for servers that run images";
  if (registry === undefined) {
    const advice = `${forImages}: set it with --registry or FAAS_REGISTRY_PUSH`;
    return { name, status: "warning", found: "not set", advice };
  }
  const { parseRegistry, pingRegistry } = await import("@faas/builder");
  try {
    const { host } = parseRegistry(registry);
    const reply = await pingRegistry(host, io.env, AbortSignal.any([io.signal, AbortSignal.timeout(TIMEOUT_MS)]));
    if (reply === "ok") return { name, status: "ok", found: registry };
    return {
      name,
      status: "warning",
      found: `${registry} requires another login`,
      advice: `docker login ${host}`,
    };
  } catch (error) {
    io.signal.throwIfAborted();
    const { code, message } = error as NodeJS.ErrnoException;
    const advice = `${forImages}: check the address. Docker itself may still reach it`;
    return {
      name,
      status: "warning",
      found: `${registry} does not respond (${code && code !== "REGISTRY_UNREACHABLE" ? code : message})`,
      advice,
    };
  }
}
