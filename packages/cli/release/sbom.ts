import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { repository } from "./folders.ts";
import type { IncludedPackage } from "./notices.ts";

/** The parts of a CycloneDX document that a release changes. */
interface Bom {
  metadata: { lifecycles: unknown; component: Record<string, unknown> & { "bom-ref": string } };
  components: { "bom-ref": string; name: string; version: string; purl: string; properties?: { name: string }[] }[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

/**
 * Returns the software bill of materials of a release, as CycloneDX. npm describes all dependencies of the repository; those that the release does not
 * include are left out.
 *
 * @throws Error when npm does not know an included package
 */
export async function sbomOf(packages: readonly IncludedPackage[], version: string): Promise<string> {
  const args = ["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "application", "--package-lock-only"];
  const { stdout } = await promisify(execFile)("npm", args, { cwd: repository, maxBuffer: MAX_OUTPUT_BYTES });
  const bom = JSON.parse(stdout) as Bom;
  const root = `faas@${version}`;
  const { description, licenses } = bom.metadata.component;
  bom.metadata.component = {
    "bom-ref": root,
    type: "application",
    name: "faas",
    version,
    description,
    licenses,
  } as never;

  bom.metadata.lifecycles = [{ phase: "build" }];

  const included = new Map(packages.map(({ name, version }) => [purlOf(name, version), `${name} ${version}`]));
  const components = new Map(bom.components.filter(({ purl }) => included.has(purl)).map((each) => [each.purl, each]));
  const missing = [...included].filter(([purl]) => !components.has(purl)).map(([, name]) => name);
  if (missing.length > 0) throw new Error(`Expected npm sbom to list ${missing.join(", ")}: run npm install`);
  bom.components = [...components.values()].map(({ properties = [], ...each }) => ({
    ...each,
    // A package that only the bundler needs is part of the release too.
    properties: properties.filter(({ name }) => name !== "cdx:npm:package:development"),
  }));
  const refs = new Set(bom.components.map((each) => each["bom-ref"]));
  bom.dependencies = [
    { ref: root, dependsOn: [...refs] },
    ...bom.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((each) => refs.has(each)) })),
  ];
  return `${JSON.stringify(bom, null, 2)}\n`;
}

const purlOf = (name: string, version: string) => `pkg:npm/${name.replace("@", "%40")}@${version}`;
