import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import type { PackageJson } from "../source/manifest.ts";
import type { Source } from "../source/source.ts";
import type { DetectedApp } from "./detected-app.ts";

/** Folders that hold a site without a build, the first one with a page counts. */
const PLAIN_FOLDERS = ["", "public", "site", "www", "_site", "dist", "build", "out", "docs", "static", "html"];
/** Folders that builds write sites to. */
const OUTPUT_FOLDERS = [
  "dist",
  "build",
  "out",
  "_site",
  "public",
  ".output/public",
  "www",
  "docs/.vitepress/dist",
  ".vitepress/dist",
  "storybook-static",
];
/** Packages that build a site for the browser. */
const SITE_BUILDERS = [
  ...[
    "vite",
    "react-scripts",
    "parcel",
    "parcel-bundler",
    "@angular/cli",
    "@vue/cli-service",
    "astro",
    "gatsby",
    "@11ty/eleventy",
  ],
  ...[
    "@docusaurus/core",
    "vitepress",
    "vuepress",
    "snowpack",
    "preact-cli",
    "@sveltejs/adapter-static",
    "@storybook/cli",
    "hexo",
    "ember-cli",
  ],
];
/** Packages that decide in the browser which page a path shows. */
const BROWSER_ROUTERS = [
  "react-router-dom",
  "react-router",
  "vue-router",
  "@tanstack/react-router",
  "@angular/router",
  "wouter",
  "@solidjs/router",
  "svelte-routing",
  "preact-router",
];

/** Returns true for a project that is built for the browser. */
export function isSiteProject(manifest: PackageJson | undefined): boolean {
  const all = { ...manifest?.dependencies, ...manifest?.devDependencies };
  return SITE_BUILDERS.some((name) => Object.hasOwn(all, name));
}

/**
 * Detects a folder of files for browsers: the output of a build, or files that need none. Undefined if there is no page.
 *
 * @throws HANDLER_NOT_FOUND if the build is missing
 */
export function detectSite({ folder }: Source, manifest: PackageJson | undefined): DetectedApp | undefined {
  const isBuilt = isSiteProject(manifest);
  const output =
    manifest && (isBuilt || manifest.scripts.build !== undefined) ? outputFolder(folder, manifest) : undefined;
  if (output !== undefined) return siteIn(output, browserFallback(join(folder, output), manifest));
  const plain = PLAIN_FOLDERS.find((each) => existsSync(join(folder, each, "index.html")));
  if (isBuilt || (plain !== undefined && needsBuild(join(folder, plain, "index.html"))))
    throw missingBuild(folder, manifest);
  return plain === undefined ? undefined : siteIn(plain, undefined);
}

const siteIn = (site: string, fallback: string | undefined): DetectedApp => ({
  runtime: "node",
  app: "static",
  site,
  ...(fallback === undefined ? {} : { fallback }),
  description: `Static files, ${site === "" ? "index.html" : `${site}/index.html`}`,
});

/** Returns the folder that the build has written to. */
function outputFolder(folder: string, manifest: PackageJson): string | undefined {
  const isTemplate = (output: string) => output === "public" && !Object.hasOwn(manifest.dependencies, "gatsby");
  for (const output of OUTPUT_FOLDERS) {
    const path = join(folder, output);
    if (isTemplate(output) || !existsSync(path)) continue;
    if (existsSync(join(path, "index.html"))) return output;
    // Angular: dist/<project>/browser.
    for (const project of subfolders(path))
      for (const inner of [`${output}/${project}/browser`, `${output}/${project}`])
        if (existsSync(join(folder, inner, "index.html"))) return inner;
  }
  return undefined;
}

const subfolders = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true })
    .filter((child) => child.isDirectory())
    .map(({ name }) => name)
    .sort();

/** Returns true for a page that loads sources which a browser cannot run. */
const needsBuild = (page: string): boolean =>
  /<script[^>]+src\s*=\s*["']?[^"'>\s]+\.(?:tsx?|jsx|vue|svelte)["'?>\s]|%PUBLIC_URL%/i.test(
    readFileSync(page, "utf8"),
  );

/** Returns true if a page loads a file of the folder as a script. */
export function loadsScript({ folder, entries }: Source, file: string): boolean {
  const page = entries.find(({ name }) => name === "index.html");
  if (!page) return false;
  const sources = readFileSync(join(folder, page.name), "utf8").matchAll(/<script[^>]+src\s*=\s*["']?([^"'>\s]+)/gi);
  return [...sources].some(([, source = ""]) => source.replace(/[?#].*/, "").replace(/^\.?\//, "") === file);
}

/** Returns the page of a single-page app: the only one, whose router reads the path. */
function browserFallback(output: string, manifest: PackageJson | undefined): string | undefined {
  const all = { ...manifest?.dependencies, ...manifest?.devDependencies };
  const hasRouter = BROWSER_ROUTERS.some((name) => Object.hasOwn(all, name));
  const pages = readdirSync(output, { recursive: true }).filter((name) => String(name).endsWith(".html"));
  return hasRouter && pages.length === 1 ? "index.html" : undefined;
}

function missingBuild(folder: string, manifest: PackageJson | undefined): FaasError {
  const build = manifest?.scripts.build === undefined ? "build it" : "run npm run build";
  return new FaasError(
    "HANDLER_NOT_FOUND",
    `The site in ${folder} is not built: ${build} first, or name the folder of the built files (faas deploy FOLDER)`,
  );
}
