import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError, isLanguage } from "@faas/core";
import { readPackageJson } from "../source/manifest.ts";
import { type Detected, detect } from "../source/runtime.ts";
import type { Source } from "../source/source.ts";
import { binaryName, checkProgram, programsIn } from "./binary.ts";
import { detectCommand, serverOf } from "./command/detect-command.ts";
import { parseProcfile } from "./command/procfile.ts";
import { parseCommandLine } from "./command/words.ts";
import { describeFunction } from "./describe.ts";
import { type DetectedApp, type GivenSettings, LANGUAGE_NAMES } from "./detected-app.ts";
import { appOf, detectNode, NodeAnalysis } from "./node/detect-node.ts";
import { handlerOf } from "./node/entries.ts";
import type { NodeProject } from "./node/project.ts";
import { detectPlatform } from "./platforms/detect-platform.ts";
import { appInFile, detectPython, PythonFiles } from "./python/detect-python.ts";
import { sourceAdvice } from "./source-advice.ts";
import { detectSite, isSiteProject, loadsScript } from "./static-site.ts";

const PROCFILE = "Procfile";

/**
 * Detects how a folder serves requests: its runtime, its entry, and what the platform has to know about these. Settings of the user are followed.
 *
 * @throws RUNTIME_UNKNOWN
 * @throws HANDLER_NOT_FOUND
 * @throws MANIFEST_INVALID
 */
export async function detectApp(source: Source, given: GivenSettings = {}): Promise<DetectedApp> {
  const detector = new Detector(source, given);
  const found = await detector.detect();
  const [program] =
    typeof found.command === "string" ? (parseCommandLine(found.command)?.at(-1)?.words ?? []) : (found.command ?? []);
  if (program !== undefined) checkProgram(binaryName(program, source) ?? "", source);
  return given.runtime === undefined ? found : { ...found, runtime: given.runtime };
}

/** A detection in one folder. */
class Detector {
  readonly #source: Source;
  readonly #given: GivenSettings;
  readonly #names: ReadonlySet<string>;

  constructor(source: Source, given: GivenSettings) {
    this.#source = source;
    this.#given = given;
    this.#names = new Set(source.entries.map(({ name }) => name));
  }

  async detect(): Promise<DetectedApp> {
    const { app, command, handler, signature } = this.#given;
    if (command !== undefined && (app === undefined || app === "server")) return this.#givenCommand(command);
    if (app === "function" && signature === undefined) return this.#plainFunction();
    if (handler !== undefined) return this.#givenHandler(handler);
    if (app === "server") return this.#server();
    if (app === "static") return this.#site();
    const found = await this.#anything();
    return this.#follow(found);
  }

  async #project(functionFile: Detected | undefined): Promise<NodeProject> {
    const manifest = this.#names.has("package.json") ? await readPackageJson(this.#source.folder) : undefined;
    return { source: this.#source, manifest, functionFile };
  }

  async #givenCommand(command: string | readonly string[]): Promise<DetectedApp> {
    const text = typeof command === "string" ? command : command.join(" ");
    const words = typeof command === "string" ? parseCommandLine(text)?.at(-1) : { words: command, variables: {} };
    return { ...serverOf(text, words, await this.#project(undefined)), command };
  }

  async #plainFunction(): Promise<DetectedApp> {
    const { runtime, handler } = this.#given;
    return describePlain(await detect(this.#source, languageOf(runtime), handler));
  }

  /** Recognizes what the export of a given handler is. */
  async #givenHandler(handler: string): Promise<DetectedApp> {
    const found = await detect(this.#source, languageOf(this.#given.runtime), handler);
    const { app, signature } = this.#given;
    const exported = handler.slice(handler.lastIndexOf(".") + 1);
    const plain = { ...describePlain(found), handler };
    if (signature !== undefined) return { ...plain, signature, description: describeFunction(signature, found.entry) };
    const recognized =
      found.runtime === "python"
        ? await appInFile(found.entry, new PythonFiles(this.#source), exported)
        : await this.#nodeExport(found, exported);
    if (app !== undefined && recognized?.app !== app)
      return { ...plain, app, description: `${app} app, ${found.entry}` };
    if (recognized?.app === undefined && recognized?.signature === undefined) return plain;
    const { app: detectedApp, signature: detectedSignature, description } = recognized;
    if (detectedApp === "server") return plain;
    return {
      ...plain,
      ...(detectedApp === undefined ? {} : { app: detectedApp }),
      ...(detectedSignature === undefined ? {} : { signature: detectedSignature }),
      description,
    };
  }

  async #nodeExport(found: Detected, exported: string): Promise<DetectedApp | undefined> {
    const candidate = await new NodeAnalysis(this.#source.folder).candidate({ name: found.entry }, exported);
    return candidate.app && appOf(candidate, await this.#project(found));
  }

  async #server(): Promise<DetectedApp> {
    const procfile = await this.#procfileCommand();
    const project = await this.#project(undefined);
    if (procfile !== undefined) return fromProcfile(serverOf(procfile, parseCommandLine(procfile)?.at(-1), project));
    const start = project.manifest?.scripts.start;
    if (start !== undefined) return serverOf(start, parseCommandLine(start)?.at(-1), project);
    const found = await this.#anything().catch(() => undefined);
    if (found?.app === "server") return found;
    if (found?.entry !== undefined && found.runtime !== "typescript")
      return {
        runtime: found.runtime,
        app: "server",
        command: `${found.runtime === "python" ? "python3" : "node"} ${found.entry}`,
        description: `${LANGUAGE_NAMES[found.runtime as "node"]} server, ${found.entry}`,
      };
    throw new FaasError(
      "HANDLER_NOT_FOUND",
      `Cannot detect the command of the server in ${this.#source.folder}: set it with --command, or "command" in faas.json`,
    );
  }

  async #site(): Promise<DetectedApp> {
    const { manifest } = await this.#project(undefined);
    const site = detectSite(this.#source, manifest);
    // Files without an index are served too.
    return site ?? { runtime: "node", app: "static", site: "", description: "Static files" };
  }

  async #procfileCommand(): Promise<string | undefined> {
    if (!this.#names.has(PROCFILE)) return undefined;
    return parseProcfile(await readFile(join(this.#source.folder, PROCFILE), "utf8")).get("web");
  }

  async #anything(): Promise<DetectedApp> {
    const { runtime, app } = this.#given;
    const web =
      app === undefined || app === "http" || app === "wsgi" || app === "asgi"
        ? await this.#procfileCommand()
        : undefined;
    if (web !== undefined) {
      const project = await this.#project(undefined);
      const found = await detectCommand(web, project, new NodeAnalysis(this.#source.folder));
      await this.#requireProgram(web);
      return found.app === "server" ? fromProcfile(found) : found;
    }
    const platform = await this.#platform();
    if (platform) return platform;
    const { found: functionFile, error } = await detect(this.#source, languageOf(runtime), undefined).then(
      (found) => ({ found, error: undefined }),
      (problem: unknown) => ({ found: undefined, error: problem }),
    );
    if (error !== undefined && !(error instanceof FaasError && isMissing(error))) throw error;
    const byLanguage = await this.#byLanguage(functionFile);
    if (byLanguage) return byLanguage;
    const programs =
      functionFile === undefined && (runtime === undefined || runtime === "binary") ? programsIn(this.#source) : [];
    if (programs.length > 0) return this.#program(programs);
    if (functionFile) return describePlain(functionFile);
    throw (await sourceAdvice(this.#source)) ?? withMoreSettings(error as FaasError);
  }

  /** Checks that a program of the folder that the Procfile names is deployed. */
  async #requireProgram(web: string): Promise<void> {
    const program = parseCommandLine(web)?.[0]?.words[0] ?? "";
    const isOfFolder = /^(?:\.\/)?[\w.-]+\/[\w./-]+$/.test(program) && !/node_modules|\.venv|^venv/.test(program);
    if (!isOfFolder || this.#names.has(program.replace(/^\.\//, ""))) return;
    throw (
      (await sourceAdvice(this.#source)) ??
      new FaasError(
        "HANDLER_NOT_FOUND",
        `Procfile names ${program}, which is missing among the deployed files of ${this.#source.folder}: build it first, or set another command with --command`,
      )
    );
  }

  /** Detects what the configuration of another platform describes. */
  async #platform(): Promise<DetectedApp | undefined> {
    const { runtime, app, signature } = this.#given;
    if (app !== undefined && app !== "fetch" && app !== "function") return undefined;
    const found = await detectPlatform(await this.#project(undefined));
    const isOther = found === undefined || (signature !== undefined && found.signature !== signature);
    return isOther || (runtime !== undefined && (runtime === "python") !== (found.runtime === "python"))
      ? undefined
      : found;
  }

  /** Detects an app in the languages that the folder may have, that of its functions first. */
  async #byLanguage(functionFile: Detected | undefined): Promise<DetectedApp | undefined> {
    const { runtime } = this.#given;
    const isPython = runtime === "python" || functionFile?.runtime === "python";
    const isNode = !isPython && (runtime === undefined || runtime === "node" || runtime === "typescript");
    const project = await this.#project(functionFile);
    const found = isNode ? await detectNode(project) : undefined;
    if (found && !this.#isForBrowsers(found, project)) return found;
    const mayBePython = runtime === undefined ? isPython || functionFile === undefined : isPython;
    const python = mayBePython ? await detectPython(new PythonFiles(this.#source)) : undefined;
    return python ?? (isNode ? detectSite(this.#source, project.manifest) : undefined) ?? found;
  }

  /** Returns true for what looks like a plain function, but is a module that a page loads, or a source of a site. */
  #isForBrowsers({ app, signature, entry, isCertain = false }: DetectedApp, { manifest }: NodeProject): boolean {
    if (app !== undefined || signature !== undefined) return false;
    return (isSiteProject(manifest) && !isCertain) || (entry !== undefined && loadsScript(this.#source, entry));
  }

  #program(programs: readonly string[]): DetectedApp {
    const [name] = programs;
    if (name === undefined || programs.length > 1)
      throw new FaasError(
        "HANDLER_NOT_FOUND",
        `Cannot detect the program of the server: the folder has ${programs.join(", ")}. Set it with --command, or "command" in faas.json`,
      );
    checkProgram(name, this.#source);
    return { runtime: "binary", app: "server", command: [`./${name}`], description: `Server, ./${name}` };
  }

  /** Brings what was detected in line with the app and the signature that the user set. */
  #follow(found: DetectedApp): DetectedApp {
    const { app, signature } = this.#given;
    const { runtime, entry } = found;
    if (signature !== undefined && found.app === undefined) {
      const handler = found.handler ?? (entry === undefined ? undefined : usualHandler(signature, entry));
      return {
        ...found,
        signature,
        ...(handler === undefined ? {} : { handler }),
        description: describeFunction(signature, entry ?? handler ?? ""),
      };
    }
    if (app === undefined || app === "function" || app === found.app) return found;
    const isPythonApp = app === "wsgi" || app === "asgi";
    if (entry === undefined || isPythonApp !== (runtime === "python"))
      throw new FaasError(
        "HANDLER_NOT_FOUND",
        `Cannot detect the file of the ${app} app in ${this.#source.folder}: set it with --handler file.export, or "handler" in faas.json`,
      );
    const handler = found.handler ?? (isPythonApp ? undefined : handlerOf(entry, "default"));
    const { signature: _, command: __, ...rest } = found;
    return { ...rest, app, ...(handler === undefined ? {} : { handler }), description: `${app} app, ${entry}` };
  }
}

/** Says where the command of a server is from. */
const fromProcfile = (found: DetectedApp): DetectedApp => ({
  ...found,
  description: found.description.replace(", ", ", Procfile: "),
});

/** Returns the handler that another platform calls by default. */
function usualHandler(signature: string, entry: string): string | undefined {
  const stem = entry.replace(/\/__init__\.py$|\.\w+$/, "");
  if (entry.endsWith(".py"))
    return { lambda: `${stem}.lambda_handler`, openfaas: `${stem}.handle`, knative: `${stem}.main` }[signature];
  return { knative: `${stem}.handle`, openfaas: `${stem}.default` }[signature];
}

const describePlain = ({ runtime, entry, output }: Detected): DetectedApp => ({
  runtime,
  entry,
  ...(output === undefined ? {} : { output }),
  description: `${LANGUAGE_NAMES[runtime]} function, ${entry}`,
});

const languageOf = (runtime: GivenSettings["runtime"]) =>
  runtime !== undefined && isLanguage(runtime) ? runtime : undefined;

const isMissing = ({ code }: FaasError): boolean => code === "RUNTIME_UNKNOWN" || code === "HANDLER_NOT_FOUND";

/** Adds the settings for apps that are not functions to the advice of an error. */
const withMoreSettings = ({ code, message, cause }: FaasError): FaasError =>
  new FaasError(code, `${message}. An app of another kind needs --app, or --command for a server of its own`, {
    cause,
  });
