import { existsSync } from "node:fs";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import type { PackageJson } from "../../source/manifest.ts";
import type { Source } from "../../source/source.ts";
import type { DetectedApp } from "../detected-app.ts";
import type { Start } from "./entries.ts";
import { frameworkOf } from "./packages.ts";
import type { NodeProject } from "./project.ts";

/** Programs that serve a built app of their framework. */
const SERVERS: Readonly<Record<string, string>> = {
  next: "Next.js",
  nuxt: "Nuxt",
  nuxi: "Nuxt",
  "remix-serve": "Remix",
  "react-router-serve": "React Router",
  strapi: "Strapi",
  keystone: "Keystone",
  directus: "Directus",
  "json-server": "JSON Server",
  probot: "Probot",
  fastify: "Fastify",
  micro: "Micro",
  moleculer: "Moleculer",
  "moleculer-runner": "Moleculer",
};
/** Programs for the developer's own machine, and servers of static files, which say nothing about an app. */
const LOCAL_TOOLS = new Set(
  "vite react-scripts ng webpack webpack-dev-server parcel vue-cli-service gatsby eleventy astro http-server serve live-server serverless sls sam vercel netlify wrangler func docusaurus storybook jest vitest concurrently expo snowpack rollup browser-sync lite-server".split(
    " ",
  ),
);

/** Commands that serve the files of a build. */
const STATIC_SERVERS = /^(?:npx )?(?:serve|http-server|(?:vite|astro) preview|gatsby serve)\b/;

/** Files that builds of frameworks write, and their servers read. */
const BUILDS: Readonly<Record<string, string>> = { next: ".next/BUILD_ID", nuxt: ".output/server/index.mjs" };

/**
 * Checks that the files which a server reads are deployed: those of its framework's build, and paths in its command.
 *
 * @throws HANDLER_NOT_FOUND
 */
function requireBuild(
  program: string,
  text: string,
  { entries, folder }: Source,
  manifest: PackageJson | undefined,
): void {
  const named = text.split(/\s+/).find((word) => /^(?:\.\/)?(?:dist|build|out|\.output)\/.*\.[mc]?js$/.test(word));
  const file = (Object.hasOwn(BUILDS, program) ? BUILDS[program] : named)?.replace(/^\.\//, "");
  if (file === undefined || entries.some(({ name }) => name === file)) return;
  const [top = ""] = file.split("/");
  const build = manifest?.scripts.build === undefined ? "build the project" : "run npm run build";
  const advice = existsSync(join(folder, file))
    ? `.gitignore or .faasignore excludes it: add "!${top}/" to .faasignore`
    : `${build} first, and add "!${top}/" to .faasignore if .gitignore excludes it`;
  throw new FaasError("HANDLER_NOT_FOUND", `${text} needs ${file}, which is not deployed; ${advice}`);
}

/** Returns the server that a script runs with another program than Node; `isCertain` for programs that only serve. */
export function serverFromScript(
  { text, program }: Start & { readonly kind: "other" },
  { manifest, source }: NodeProject,
): { readonly app: DetectedApp; readonly isCertain: boolean } | undefined {
  // The project's own package of a static server is installed, other tools are for development.
  const isInstalled = STATIC_SERVERS.test(text) && Object.hasOwn(manifest?.dependencies ?? {}, program);
  if (LOCAL_TOOLS.has(program) && !isInstalled) return undefined;
  const known = Object.hasOwn(SERVERS, program) ? SERVERS[program] : undefined;
  requireBuild(program, text, source, manifest);
  const framework = known ?? frameworkOf(manifest?.dependencies ?? {}) ?? "Node";
  return {
    app: { runtime: "node", app: "server", command: text, description: `${framework} server, npm start: ${text}` },
    isCertain: known !== undefined || isInstalled,
  };
}
