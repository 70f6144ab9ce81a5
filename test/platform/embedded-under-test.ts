/** The embedded platform on a data folder of its own, with functions from strings. */
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type EndpointSpec,
  type EndpointStatus,
  endpointSpec,
  type Runtime,
  revisionId,
  type SettingsInput,
  withDefaults,
} from "@faas/core";
import { type EmbeddedOptions, EmbeddedPlatform } from "@faas/platforms";
import type { PlatformUnderTest } from "./contract.ts";

const templates = join(import.meta.dirname, "../../templates");
export const wrapper = join(templates, "node/.interface.mjs");

export interface EmbeddedUnderTest extends PlatformUnderTest {
  readonly platform: EmbeddedPlatform;
  readonly dataDir: string;
  artifact(source: string, runtime?: Runtime): Promise<EndpointSpec["artifact"]>;
}

export async function setUp(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedUnderTest> {
  const dataDir = await mkdtemp(join(tmpdir(), "faas-platform-"));
  const bundles = join(dataDir, "bundles");
  const platform = new EmbeddedPlatform({
    dataDir,
    bundleFolder: async (digest) => join(bundles, digest.slice(7)),
    ...options,
  });
  return {
    platform,
    dataDir,
    org: "acme",
    async artifact(source, runtime = "node") {
      const hash = createHash("sha256").update(source).digest("hex");
      const folder = join(bundles, hash);
      await mkdir(folder, { recursive: true });
      const python = runtime === "python";
      await writeFile(join(folder, python ? "main.py" : "index.mjs"), source);
      const name = python ? ".interface.py" : ".interface.mjs";
      await cp(join(templates, python ? "python" : "node", name), join(folder, name));
      return { kind: "bundle", digest: `sha256:${hash}` };
    },
    async kill(replica) {
      const { readFile } = await import("node:fs/promises");
      const { pid } = JSON.parse(await readFile(join(dataDir, "run", `${replica}.json`), "utf8"));
      process.kill(pid, "SIGKILL");
    },
    async [Symbol.asyncDispose]() {
      await platform[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export function specOf(
  org: string,
  endpoint: string,
  artifact: EndpointSpec["artifact"],
  settings: SettingsInput = {},
): EndpointSpec {
  const full = withDefaults(settings);
  return endpointSpec({ org, endpoint }, { id: revisionId(artifact, full), createdAt: "", artifact, settings: full });
}

export async function apply(
  under: EmbeddedUnderTest,
  source: string,
  settings: SettingsInput = {},
): Promise<EndpointSpec> {
  const spec = specOf(under.org, "x", await under.artifact(source, settings.runtime), settings);
  await under.platform.apply(spec);
  return spec;
}

export async function until(
  under: EmbeddedUnderTest,
  condition: (status: EndpointStatus) => boolean,
): Promise<EndpointStatus> {
  for await (const [status] of under.platform.watch(AbortSignal.timeout(60_000)))
    if (status && condition(status)) return status;
  throw new Error("not seen within a minute");
}

export async function logsOf(under: EmbeddedUnderTest, spec: EndpointSpec): Promise<string[]> {
  const lines: string[] = [];
  for await (const { line } of under.platform.logs(spec, {})) lines.push(line);
  return lines;
}

export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
