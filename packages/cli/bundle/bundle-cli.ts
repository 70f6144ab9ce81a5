import { cp, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { directImports } from "./direct-imports.ts";
import { embeddedSiteServer, englishOnly, lazyExports, PACKAGE_FILES, sourceLocations } from "./plugins.ts";

/** Folder of the CLI. */
const folder = join(import.meta.dirname, "..");

/** Packages with native code or, as TypeScript, of many megabytes: loaded from `node_modules` when they are needed. */
export const UNBUNDLED = ["@resvg/resvg-js", "esbuild", "typescript-api"] as const;

/** File in `dist` that lists the bundled packages, for a release. */
export const PACKAGES_FILE = "packages.json";

/** Files that packages read at run time. */
const ASSETS = ["dockerode/lib/proto"];

/**
 * Bundles the sources of the CLI and of the packages that it uses into `dist/main.js`, with a file for each part that is loaded when it is needed: one
 * file loads in a fraction of the time of its hundreds of modules.
 */
export async function bundleCli(): Promise<void> {
  const outdir = join(folder, "dist");
  const rewrite = directImports(join(folder, "../core/src/index.ts"));
  const { metafile } = await build({
    entryPoints: [join(folder, "src/main.ts")],
    outdir,
    absWorkingDir: folder,
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    sourcemap: true,
    sourcesContent: false,
    format: "esm",
    platform: "node",
    target: "node22.19",
    conditions: ["faas-source"],
    // Optional native code of packages, which they do without.
    external: [...UNBUNDLED, "*.node"],
    banner: { js: sourceLocations.banner },
    define: sourceLocations.define,
    plugins: [embeddedSiteServer, englishOnly, lazyExports, sourceLocations.plugin(outdir, rewrite)],
    metafile: true,
    logLevel: "warning",
  });
  const packages = join(folder, "../../node_modules");
  for (const asset of ASSETS) await cp(join(packages, asset), join(outdir, PACKAGE_FILES, asset), { recursive: true });
  await writeFile(join(outdir, PACKAGES_FILE), JSON.stringify(packagesOf(Object.keys(metafile.inputs))));
  const written = new Set([
    ...Object.keys(metafile.outputs).map((path) => basename(path)),
    PACKAGE_FILES,
    PACKAGES_FILE,
  ]);
  for (const name of await readdir(outdir))
    if (!written.has(name)) await rm(join(outdir, name), { recursive: true, force: true });
}

/** Lists the folders of the bundled packages, relative to the repository. */
function packagesOf(files: readonly string[]): string[] {
  const folders = files.flatMap((file) => /^(?:\.\.\/)*(.*\bnode_modules\/(?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
  return [...new Set(folders)].sort();
}
