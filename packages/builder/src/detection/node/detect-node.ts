import { join } from "node:path";
import { FaasError, type Signature } from "@faas/core";
import type { Detected } from "../../source/runtime.ts";
import { isTypeScript } from "../../typescript/file-names.ts";
import type { DetectedApp } from "../detected-app.ts";
import { appOfModule, type ModuleApp } from "./app-of-module.ts";
import { type EntryFile, findEntry, handlerOf, hasExtension, readScript, type Start, usualEntries } from "./entries.ts";
import { NodeModules } from "./module.ts";
import { frameworkOf } from "./packages.ts";
import type { NodeProject } from "./project.ts";
import { serverFromScript } from "./script-server.ts";
import { withSignature } from "./signature.ts";

/** A file with what it serves. */
export interface Candidate {
  readonly file: EntryFile;
  readonly app: ModuleApp | undefined;
}

/** Recognizes what files of a folder serve, each read once. */
export class NodeAnalysis {
  readonly #modules: NodeModules;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#modules = new NodeModules(folder);
  }

  async candidate(file: EntryFile, exported?: string): Promise<Candidate> {
    const module = await this.#modules.load(join(this.#folder, file.name));
    return { file, app: module && (await appOfModule(module, this.#modules, exported)) };
  }
}

/**
 * Detects how a Node project serves requests. A plain function in a usual file comes first, then what `npm start` runs, then usual files of servers.
 * Undefined if nothing is recognized.
 */
export async function detectNode(project: NodeProject): Promise<DetectedApp | undefined> {
  const { source, manifest, functionFile } = project;
  const analysis = new NodeAnalysis(source.folder);
  const usual = functionFile && (await analysis.candidate({ name: functionFile.entry }));
  const isFunction = usual?.app?.app === "function";
  const start = manifest && readScript(manifest);
  const started = start && (await startedFile(start, project, analysis));
  if (usual?.app?.isNamed && usual.app.app === "function") return functionOf(usual, project);
  const server = start?.kind === "other" ? serverFromScript(start, project) : undefined;
  const isOverruled =
    (server?.isCertain && usual?.app?.signature === undefined) || (usual && overrules(started, usual));
  if (usual?.app?.app === "function" && !isOverruled) return functionOf(usual, project);
  if (started) return started;
  if (server?.isCertain) return server.app;
  if (usual?.app && !isFunction) return appOf(usual, project);
  for (const file of usualEntries(source)) {
    const candidate = await analysis.candidate(file);
    if (candidate.app && (candidate.app.app !== "function" || candidate.app.signature))
      return appOf(candidate, project);
  }
  return server?.app;
}

/** Returns true if `npm start` runs a server in another file than the plain function, which is then a part of something else. */
const overrules = (started: DetectedApp | undefined, { file, app }: Candidate): boolean =>
  started !== undefined &&
  started.app !== undefined &&
  started.entry !== file.name &&
  app?.export === undefined &&
  !app?.isNamed;

/** Detects the app in the file that `npm start` runs. */
async function startedFile(
  start: Start,
  project: NodeProject,
  analysis: NodeAnalysis,
): Promise<DetectedApp | undefined> {
  if (start.kind === "gcf") return frameworkFunction(start, project, analysis);
  const path = start.kind === "nest" ? "dist/main" : start.kind === "file" ? start.file : undefined;
  if (path === undefined) return undefined;
  const file = await findEntry(path, project.source);
  if (!file) {
    if (project.functionFile) return undefined;
    throw missingFile(path, project);
  }
  const { app } = await analysis.candidate(file);
  if (app?.app === "function" && app.signature === undefined) return undefined;
  const served: ModuleApp = app ?? { app: "http", framework: "", listens: true, needsProcess: false };
  const needsProcess = served.needsProcess || (start.kind === "file" && start.needsProcess);
  return appOf({ file, app: { ...served, needsProcess } }, project);
}

function missingFile(path: string, { manifest, source }: NodeProject): FaasError {
  const { build } = manifest?.scripts ?? {};
  const advice =
    build === undefined
      ? ""
      : ': run npm run build first, and make sure that neither .gitignore nor .faasignore excludes its output (a line such as "!dist/" in .faasignore includes it)';
  return new FaasError(
    "HANDLER_NOT_FOUND",
    `npm start runs ${path}, which is missing among the deployed files of ${source.folder}${advice}`,
  );
}

/** Detects a function that Google's functions-framework starts by name. */
async function frameworkFunction(
  start: Start & { readonly kind: "gcf" },
  { source }: NodeProject,
  analysis: NodeAnalysis,
): Promise<DetectedApp | undefined> {
  const path = start.source === "." ? "." : `${start.source.replace(/\/$/, "")}`;
  const file = (await findEntry(path, source)) ?? (await findEntry("function", source));
  if (!file) return undefined;
  const { app } = await analysis.candidate(file);
  // A registered function knows its own signature.
  const signature: Signature = start.isEvent && app?.signature !== "gcf" ? "cloudevents" : "gcf";
  return withSignature(file, signature, start.target ?? app?.export ?? "function");
}

function functionOf({ app, file }: Candidate, { functionFile, manifest }: NodeProject): DetectedApp {
  if (app?.signature) return withSignature(file, app.signature, app.export ?? "handler");
  // Nobody needs these types for anything else.
  if (app?.isNamed && manifest?.devDependencies["@types/aws-lambda"] !== undefined && app.export === "handler")
    return withSignature(file, "lambda", "handler");
  const { runtime, output } = functionFile as Detected;
  const language = runtime === "typescript" ? "TypeScript" : "Node";
  return {
    runtime,
    entry: file.name,
    ...(output === undefined ? {} : { output }),
    description: `${language} function, ${file.name}`,
    ...(app?.isNamed ? { isCertain: true } : {}),
  };
}

/** Describes the app in a file: in the wrapper's process, or as a server of its own if it needs that. */
export function appOf({ file, app }: Candidate, { manifest }: NodeProject): DetectedApp {
  const { name } = file;
  const runtime = isTypeScript(name) ? "typescript" : "node";
  const served = app as ModuleApp;
  if (served.app === "function") {
    if (served.signature) return withSignature(file, served.signature, served.export ?? "handler");
    return {
      runtime,
      entry: name,
      handler: handlerOf(name, served.export ?? "default"),
      description: `Function, ${name}`,
    };
  }
  const framework = served.framework || frameworkOf(manifest?.dependencies ?? {}) || "";
  if (served.needsProcess && !isTypeScript(name))
    return {
      runtime: "node",
      app: "server",
      command:
        manifest?.scripts.start && !/^\s*(?:npm|yarn|pnpm)\b/.test(manifest.scripts.start)
          ? manifest.scripts.start
          : `node ${name}`,
      description: `${framework || "Node"} server, ${name}`,
    };
  const exported = served.export ?? "default";
  const description =
    served.app === "fetch"
      ? `${framework && framework !== "Node" ? `${framework} app` : "Fetch handler"}, ${name}`
      : `${framework && framework !== "Node" ? `${framework} app` : "Node server"}, ${name}`;
  if (hasExtension(name))
    return { runtime, app: served.app, handler: handlerOf(name, exported), entry: name, description };
  // The wrapper loads files with an extension.
  const added = { name: `${name}.mjs`, text: standIn(name) };
  return { runtime, app: served.app, handler: `${name}.default`, entry: added.name, added: [added], description };
}

/** Returns the text of a module that loads a file without extension, beside it. */
const standIn = (name: string): string =>
  `import * as loaded from "./${name.slice(name.lastIndexOf("/") + 1)}";\n\nexport default loaded.default;\n`;
