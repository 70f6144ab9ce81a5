import { binaryName } from "../binary.ts";
import type { DetectedApp } from "../detected-app.ts";
import { appOf, type NodeAnalysis } from "../node/detect-node.ts";
import { findEntry, readStart } from "../node/entries.ts";
import { frameworkOf } from "../node/packages.ts";
import type { NodeProject } from "../node/project.ts";
import { withSignature } from "../node/signature.ts";
import { appInFile, detectPython, PythonFiles, pythonHandler } from "../python/detect-python.ts";
import { readPythonCommand, withoutRunner } from "./python-command.ts";
import { parseCommandLine, type SimpleCommand } from "./words.ts";

/**
 * Detects what a command of the project serves. A command that only starts what the wrapper serves in its own process becomes that; another one
 * becomes a server.
 */
export async function detectCommand(text: string, project: NodeProject, analysis: NodeAnalysis): Promise<DetectedApp> {
  const { source } = project;
  const commands = parseCommandLine(text);
  const [only] = commands?.length === 1 ? commands : [];
  const files = new PythonFiles(source);
  const served = only && ((await pythonApp(only, files)) ?? (await nodeApp(text, project, analysis)));
  return served ?? serverOf(text, only, project);
}

/** Describes a command as a server of its own. */
export function serverOf(text: string, command: SimpleCommand | undefined, project: NodeProject): DetectedApp {
  const { source, manifest } = project;
  const words = withoutRunner(command?.words ?? text.split(/\s+/));
  const isRun = words.length !== (command?.words ?? []).length && command !== undefined;
  const plain =
    isRun && Object.keys(command.variables).length === 0
      ? text.slice(text.indexOf(words[0] ?? "", text.indexOf(" run ") + 4)).trim()
      : text;
  const [program = ""] = words;
  const binary = binaryName(program, source);
  const programs = (parseCommandLine(text) ?? [{ words }]).map((each) => withoutRunner(each.words)[0] ?? "");
  const runtime = binary === undefined ? runtimeOf(programs, project) : "binary";
  const framework =
    runtime === "node" ? (frameworkOf(manifest?.dependencies ?? {}) ?? "Node") : runtime === "python" ? "Python" : "";
  return {
    runtime,
    app: "server",
    command: plain,
    description: `${framework ? `${framework} server` : "Server"}, ${plain}`,
  };
}

const NODE_PROGRAMS = /^(?:node|npm|npx|yarn|pnpm)$/;
const PYTHON_PROGRAMS =
  /^(?:python3?(?:\.\d+)?|gunicorn|uvicorn|hypercorn|daphne|flask|fastapi|celery|streamlit|waitress-serve)$/;

/** Returns the runtime whose image has the programs and whose packages are installed for them. */
function runtimeOf(programs: readonly string[], { source, manifest }: NodeProject): "node" | "python" | "binary" {
  if (programs.some((program) => NODE_PROGRAMS.test(program))) return "node";
  if (programs.some((program) => PYTHON_PROGRAMS.test(program))) return "python";
  if (manifest) return "node";
  const names = source.entries.map(({ name }) => name);
  if (names.some((name) => /^(?:requirements\.txt|pyproject\.toml|[^/]+\.py)$/.test(name))) return "python";
  return names.some((name) => /^[^/]+\.[mc]?[jt]s$/.test(name)) ? "node" : "binary";
}

async function nodeApp(text: string, project: NodeProject, analysis: NodeAnalysis): Promise<DetectedApp | undefined> {
  const start = readStart(text, project.manifest);
  if (start === undefined) return undefined;
  if (start.kind === "other") return start.text === text ? undefined : detectCommand(start.text, project, analysis);
  const path = start.kind === "nest" ? "dist/main" : start.kind === "gcf" ? start.source : start.file;
  const file = await findEntry(path, project.source);
  if (!file) return undefined;
  const { app } = await analysis.candidate(file);
  if (start.kind === "gcf")
    return withSignature(file, start.isEvent ? "cloudevents" : "gcf", start.target ?? app?.export ?? "function");
  const isApp = app !== undefined && app.app !== "function";
  const served = isApp ? app : ({ app: "http", framework: "", listens: true, needsProcess: false } as const);
  if (start.kind === "file" && (start.needsProcess || served.needsProcess)) return undefined;
  return appOf({ file, app: served }, project);
}

async function pythonApp(command: SimpleCommand, files: PythonFiles): Promise<DetectedApp | undefined> {
  const read = readPythonCommand(command);
  switch (read?.kind) {
    case "app":
      return read.needsProcess ? undefined : targetApp(read.target, read.app, files);
    case "found":
      return read.needsProcess ? undefined : foundApp(read.target, files);
    case "django":
      return detectPython(files);
    case "file": {
      const name = read.needsProcess ? undefined : files.fileOf(read.file.replace(/\.py$/, ""));
      return name === undefined ? undefined : scriptApp(name, files);
    }
    default:
      return undefined;
  }
}

/** Finds the app that an application server is given as `module:attribute`. */
async function targetApp(target: string, app: "wsgi" | "asgi", files: PythonFiles): Promise<DetectedApp | undefined> {
  const [module = "", given = "application"] = target.split(":");
  const attribute = given.replace(/\(\)$/, "");
  const file = files.fileOf(module);
  if (file === undefined || !/^[A-Za-z_]\w*$/.test(attribute)) return undefined;
  const known = await appInFile(file, files, attribute);
  const framework = known?.description.replace(/ app, .*| function, .*/, "") ?? app.toUpperCase();
  const described = known?.app === app ? framework : (frameworkIn(await appInFile(file, files)) ?? app.toUpperCase());
  return {
    runtime: "python",
    app,
    handler: pythonHandler(file, attribute),
    entry: file,
    description: `${described} app, ${file}`,
  };
}

const frameworkIn = (found: DetectedApp | undefined): string | undefined =>
  found?.app === "wsgi" || found?.app === "asgi" ? found.description.replace(/ app, .*/, "") : undefined;

async function foundApp(target: string | undefined, files: PythonFiles): Promise<DetectedApp | undefined> {
  if (target === undefined) return detectPython(files);
  const [module = "", given] = target.split(":");
  const file = files.fileOf(module);
  if (file === undefined) return undefined;
  const found = await appInFile(file, files, given?.replace(/\(\)$/, ""));
  return found?.app === "wsgi" || found?.app === "asgi" ? found : undefined;
}

/** Detects the app of a script that starts it only when it is run; a script that does more stays a server. */
async function scriptApp(name: string, files: PythonFiles): Promise<DetectedApp | undefined> {
  const [found, module] = [await appInFile(name, files), await files.read(name)];
  if (found?.app !== "wsgi" && found?.app !== "asgi") return undefined;
  const statements = module?.mainBlock.filter(({ tokens }) => tokens.length > 0) ?? [];
  const isPlain = statements.every(({ tokens }) => {
    const words = tokens.map(({ text }) => text);
    const isRun = /^(?:app|application|uvicorn|api|server)$/.test(words[0] ?? "") && words[2] === "run";
    return isRun || words[0] === "import" || words[0] === "from" || /^(?:port|host|debug)$/i.test(words[0] ?? "");
  });
  return isPlain ? found : undefined;
}
