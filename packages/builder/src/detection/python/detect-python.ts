import { readFile } from "node:fs/promises";
import type { Source, SourceEntry } from "../../source/source.ts";
import { describeFunction } from "../describe.ts";
import type { DetectedApp } from "../detected-app.ts";
import { type AnalyzedModule, appOfPythonModule, namedApp, type PythonApp } from "./app-of-module.ts";
import { type PythonModule, readPythonModule } from "./module.ts";

/** Modules that serve by habit. Those of functions come first, in the order of the wrapper. */
const USUAL_STEMS = [
  ...["main", "handler", "function", "app", "index", "lambda_function", "func"],
  ...["server", "application", "asgi", "wsgi", "api", "run", "web", "start", "serve", "bot", "__main__"],
];

const MAX_IMPORTS = 4;

/** The Python files of a folder, each read once. */
export class PythonFiles {
  readonly #entries: ReadonlyMap<string, SourceEntry>;
  readonly #cache = new Map<string, Promise<PythonModule>>();

  constructor(source: Source) {
    this.#entries = new Map(source.entries.map((entry) => [entry.name, entry]));
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()].filter((name) => name.endsWith(".py"));
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** Reads a file, with the apps that it imports from other files of the folder. */
  async analyze(name: string, depth = 0): Promise<AnalyzedModule | undefined> {
    const module = await this.read(name);
    if (!module) return undefined;
    const known = new Map<string, NonNullable<ReturnType<typeof namedApp>>>();
    for (const dotted of depth < MAX_IMPORTS ? module.imports.values() : []) {
      const attribute = dotted.slice(dotted.lastIndexOf(".") + 1);
      const file = this.#fileOfImport(dotted.slice(0, -attribute.length), name);
      const imported = file === undefined || file === name ? undefined : await this.analyze(file, depth + 1);
      const app = imported && namedApp(attribute, imported);
      if (app) known.set(dotted, app);
    }
    const { imports, assignments, functions, classes, mainBlock, lines } = module;
    return { imports, assignments, functions, classes, mainBlock, lines, known };
  }

  /** Returns the file of the module in `from MODULE import …`, which ends with a dot here. */
  #fileOfImport(module: string, importer: string): string | undefined {
    const [, dots = "", path = ""] = /^(\.*)(.*?)\.?$/.exec(module) ?? [];
    const folders = importer.split("/").slice(0, -1);
    const inPath = path.replaceAll(".", "/");
    if (dots === "")
      return path === "" ? undefined : (this.fileOf(inPath) ?? this.fileOf([...folders, inPath].join("/")));
    const base = folders.slice(0, folders.length - (dots.length - 1));
    return this.fileOf([...base, inPath].filter(Boolean).join("/"));
  }

  async read(name: string): Promise<PythonModule | undefined> {
    const entry = this.#entries.get(name);
    if (entry?.kind !== "file") return undefined;
    let reading = this.#cache.get(name);
    if (!reading) {
      reading = readFile(entry.path, "utf8").then(readPythonModule);
      this.#cache.set(name, reading);
    }
    return reading;
  }

  /** Returns the file of a module, by its dotted name or its path. */
  fileOf(module: string): string | undefined {
    const stem = module.replace(/\.py$/, "").replace(/^\.\//, "");
    const stems = [...new Set([stem, stem.replaceAll(".", "/")])];
    return stems.flatMap((each) => [`${each}.py`, `${each}/__init__.py`]).find((name) => this.has(name));
  }
}

/** Detects how a Python folder serves requests; undefined if nothing is recognized. */
export async function detectPython(files: PythonFiles): Promise<DetectedApp | undefined> {
  const django = await djangoApp(files);
  if (django) return django;
  let other: DetectedApp | undefined;
  for (const name of usualFiles(files)) {
    const found = await appInFile(name, files);
    if (found?.app !== "server") {
      if (found) return found;
    } else other ??= found;
  }
  return other ?? packageServer(files);
}

/** Detects what a file serves, or one of its attributes. */
export async function appInFile(
  name: string,
  files: PythonFiles,
  attribute?: string,
): Promise<DetectedApp | undefined> {
  const module = await files.analyze(name);
  if (!module) return undefined;
  const app = appOfPythonModule(module, name);
  if (attribute === undefined) return app && described(app, name);
  if (app && app.attribute === attribute) return described(app, name);
  const renamed = appOfPythonModule(only(module, attribute), name);
  return renamed?.attribute === attribute ? described(renamed, name) : undefined;
}

/** Returns a module without the other functions. */
const only = (module: AnalyzedModule, attribute: string): AnalyzedModule => ({
  ...module,
  functions: new Map([...module.functions].filter(([name]) => name === attribute)),
  assignments: new Map(
    [...module.assignments].filter(([name]) => name === attribute || !/^(?:app|application|handler)$/.test(name)),
  ),
});

function described(app: PythonApp, name: string): DetectedApp {
  const { framework } = app;
  if (app.app === "server")
    return {
      runtime: "python",
      app: "server",
      command: serverCommand(name),
      description: `${framework || "Python"} server, ${name}`,
    };
  if (app.signature !== undefined) {
    const handler = pythonHandler(name, app.attribute ?? "handler");
    return {
      runtime: "python",
      signature: app.signature,
      handler,
      entry: name,
      description: describeFunction(app.signature, name),
    };
  }
  if (app.app === "function") return { runtime: "python", entry: name, description: `Python function, ${name}` };
  return {
    runtime: "python",
    app: app.app,
    handler: pythonHandler(name, app.attribute ?? "app"),
    entry: name,
    description: `${framework || app.app.toUpperCase()} app, ${name}`,
  };
}

/** Returns the command that runs a file, as a module if it is in a package. */
function serverCommand(name: string): string {
  if (!name.includes("/") || name.startsWith("src/")) return `python3 ${name}`;
  return `python3 -m ${name.replace(/(?:\/__main__)?\.py$/, "").replaceAll("/", ".")}`;
}

/** Returns a handler for a file and an attribute. */
export const pythonHandler = (file: string, attribute: string): string =>
  `${file.replace(/\/__init__\.py$|\.py$/, "")}.${attribute}`;

/** Lists the existing files with usual names: at the top, in `src`, and in packages at the top. */
function usualFiles(files: PythonFiles): string[] {
  const top = USUAL_STEMS.flatMap((stem) => [`${stem}.py`, `${stem}/__init__.py`]);
  const source = USUAL_STEMS.map((stem) => `src/${stem}.py`);
  const packages = files.names
    .filter((name) => /^(?:src\/)?[^/]+\/__init__\.py$/.test(name))
    .map((name) => name.replace(/__init__\.py$/, ""));
  const folders = [...new Set(["app/", "api/", "backend/", ...packages])].filter(
    (folder) => !/^(?:tests?|docs|migrations)\//.test(folder),
  );
  const inside = folders.flatMap((folder) => ["__init__", ...USUAL_STEMS].map((stem) => `${folder}${stem}.py`));
  const rest = files.names.filter(
    (name) => !name.includes("/") && !/^(?:setup|conftest|manage|test_.*|.*_test|gunicorn\.conf)\.py$/.test(name),
  );
  return [...new Set([...top, ...source, ...inside, ...rest])].filter((name) => files.has(name));
}

/** Detects a Django project: `manage.py` names the settings, whose package has `wsgi.py` and `asgi.py`. */
async function djangoApp(files: PythonFiles): Promise<DetectedApp | undefined> {
  const manage = files.names.filter((name) => /^(?:[^/]+\/)?manage\.py$/.test(name))[0];
  const module = manage === undefined ? undefined : await files.read(manage);
  if (!module || manage === undefined) return undefined;
  const settings = module.lines.flatMap(({ tokens }) =>
    tokens.filter(
      ({ kind, text }, i) =>
        kind === "string" &&
        tokens.slice(0, i).some((each) => each.text === "DJANGO_SETTINGS_MODULE") &&
        text.includes("."),
    ),
  )[0]?.text;
  const packages =
    settings
      ?.split(".")
      .slice(0, -1)
      .map((_, i, all) => all.slice(0, all.length - i).join("/")) ?? [];
  const folder = manage.slice(0, -"manage.py".length);
  const found = packages
    .flatMap((each) => ["wsgi", "asgi"].map((kind) => ({ kind, name: `${folder}${each}/${kind}.py` })))
    .filter(({ name }) => files.has(name));
  const usesAsgi = await prefersAsgi(settings, folder, files);
  const chosen = (usesAsgi ? found.find(({ kind }) => kind === "asgi") : undefined) ?? found[0];
  if (!chosen) return undefined;
  return {
    runtime: "python",
    app: chosen.kind === "asgi" ? "asgi" : "wsgi",
    handler: pythonHandler(chosen.name, "application"),
    entry: chosen.name,
    description: `Django app, ${chosen.name}`,
  };
}

/** Returns true if Django's settings name an ASGI application, as Channels needs it. */
async function prefersAsgi(settings: string | undefined, folder: string, files: PythonFiles): Promise<boolean> {
  const file = settings === undefined ? undefined : files.fileOf(folder + settings.replaceAll(".", "/"));
  const module = file === undefined ? undefined : await files.read(file);
  const apps = module?.assignments.get("INSTALLED_APPS")?.tokens ?? [];
  const hasChannels = apps.some(({ kind, text }) => kind === "string" && (text === "channels" || text === "daphne"));
  return (
    (module?.assignments.has("ASGI_APPLICATION") ?? false) &&
    (hasChannels || !module?.assignments.has("WSGI_APPLICATION"))
  );
}

/** Detects a package that serves when it is run with `python -m`. */
function packageServer(files: PythonFiles): DetectedApp | undefined {
  const packages = files.names.filter((name) => /^(?:src\/)?[^/]+\/__main__\.py$/.test(name));
  const [only] = packages;
  if (only === undefined || packages.length > 1 || only.startsWith("src/")) return undefined;
  const name = only.replace("/__main__.py", "");
  return {
    runtime: "python",
    app: "server",
    command: `python3 -m ${name}`,
    description: `Python server, python3 -m ${name}`,
  };
}
