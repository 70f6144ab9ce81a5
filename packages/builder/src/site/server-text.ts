import { extname, join } from "node:path";

let text: Promise<string> | undefined;

/** Bundles the server of a static site with its packages into one file, once per process. A bundled CLI has the text in the place of this module. */
export function siteServerText(): Promise<string> {
  text ??= bundleSiteServer();
  return text;
}

async function bundleSiteServer(): Promise<string> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, `site-server${extname(import.meta.filename)}`)],
    ...{ bundle: true, write: false, minify: true, legalComments: "none", logLevel: "silent" },
    ...{ platform: "node", format: "cjs", target: "node22" },
    // Installed or not, it only colors the debug output of a package.
    external: ["supports-color"],
  });
  return outputFiles[0]?.text ?? "";
}
