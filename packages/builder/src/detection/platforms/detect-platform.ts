import { join } from "node:path";
import { FaasError, type Signature } from "@faas/core";
import { readOptionalText, readToml } from "../../source/manifest.ts";
import type { Source } from "../../source/source.ts";
import { describeFunction } from "../describe.ts";
import type { DetectedApp } from "../detected-app.ts";
import { findEntry } from "../node/entries.ts";
import type { NodeProject } from "../node/project.ts";
import { withSignature } from "../node/signature.ts";
import { PythonFiles, pythonHandler } from "../python/detect-python.ts";
import { type Config, parseJsonc, parseYaml, recordIn, textIn } from "./config.ts";

/** Configurations of other platforms, and how each names the code. */
const READERS = [cloudflare, sam, serverless, knative, openfaas] as const;

/**
 * Detects a function or an app by the configuration of the platform that it is written for; undefined if the folder has none.
 *
 * @throws HANDLER_NOT_FOUND if the configuration has several functions, or names a missing file
 * @throws RUNTIME_UNKNOWN if the code is in another folder
 */
export async function detectPlatform(project: NodeProject): Promise<DetectedApp | undefined> {
  for (const read of READERS) {
    const found = await read(project);
    if (found) return found;
  }
  return undefined;
}

const exists = ({ entries }: Source, name: string): boolean => entries.some((entry) => entry.name === name);

async function textOf(source: Source, name: string): Promise<string | undefined> {
  return exists(source, name) ? readOptionalText(join(source.folder, name)) : undefined;
}

/** Reads the first of some YAML files that exists. */
async function yamlOf(source: Source, names: readonly string[]): Promise<Config | undefined> {
  for (const name of names) {
    const text = await textOf(source, name);
    if (text !== undefined) return parseYaml(text, join(source.folder, name));
  }
  return undefined;
}

async function cloudflare({ source }: NodeProject): Promise<DetectedApp | undefined> {
  const toml = await textOf(source, "wrangler.toml");
  const json = (await textOf(source, "wrangler.json")) ?? (await textOf(source, "wrangler.jsonc"));
  const config = toml !== undefined ? await readToml(toml, join(source.folder, "wrangler.toml")) : parseJsonc(json);
  const main = textIn(config, "main");
  if (main === undefined) return undefined;
  const file = await findEntry(main, source);
  if (!file) throw missing(main, "The configuration of the Cloudflare Worker", source);
  const env = variables(recordIn(config, "vars"));
  const { signature: _, ...rest } = withSignature(file, "faas", "default");
  const worker: DetectedApp = { ...rest, app: "fetch", description: `Cloudflare Worker, ${file.name}` };
  return withEnvironment(worker, env);
}

/** Reads the template of AWS SAM. */
async function sam({ source }: NodeProject): Promise<DetectedApp | undefined> {
  const template = await yamlOf(source, ["template.yaml", "template.yml"]);
  const globals = recordIn(recordIn(template, "Globals"), "Function");
  const functions = Object.entries(recordIn(template, "Resources") ?? {}).flatMap(([name, resource]) => {
    const { Type: type, Properties: properties } = resource as { Type?: unknown; Properties?: Config };
    return type === "AWS::Serverless::Function" ? [{ name, properties: { ...globals, ...properties } }] : [];
  });
  const lambda = functions.map(({ name, properties }) => ({
    name,
    folder: textIn(properties, "CodeUri") ?? ".",
    handler: textIn(properties, "Handler"),
    env: variables(recordIn(recordIn(properties, "Environment"), "Variables")),
  }));
  return lambdaOf(lambda, "template.yaml", source);
}

/** Reads the configuration of the Serverless Framework. */
async function serverless({ source }: NodeProject): Promise<DetectedApp | undefined> {
  const config = await yamlOf(source, ["serverless.yml", "serverless.yaml"]);
  const provider = recordIn(config, "provider");
  if (!config || (textIn(provider, "name") ?? textIn(config, "provider")) !== "aws") return undefined;
  const shared = variables(recordIn(provider, "environment"));
  const functions = Object.entries(recordIn(config, "functions") ?? {}).map(([name, each]) => ({
    name,
    folder: ".",
    handler: textIn(each as Config, "handler"),
    env: { ...shared, ...variables(recordIn(each as Config, "environment")) },
  }));
  return lambdaOf(functions, "serverless.yml", source);
}

interface LambdaFunction {
  readonly name: string;
  readonly folder: string;
  readonly handler: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

async function lambdaOf(
  all: readonly LambdaFunction[],
  file: string,
  source: Source,
): Promise<DetectedApp | undefined> {
  const functions = all.filter(({ handler }) => handler !== undefined);
  const [only] = functions;
  if (!only?.handler) return undefined;
  if (functions.length > 1) {
    const handlers = functions.map(({ folder, handler }) => join(folder, handler ?? ""));
    throw new FaasError(
      "HANDLER_NOT_FOUND",
      `${file} has ${functions.length} functions, and an endpoint is one: set it with --signature lambda --handler ${handlers.join(" or ")}`,
    );
  }
  requireOwnFolder(only.folder, file, source);
  const dot = only.handler.lastIndexOf(".");
  const exported = only.handler.slice(dot + 1);
  const path = join(only.folder, only.handler.slice(0, dot));
  return withEnvironment(await functionOf(path, exported, "lambda", file, source), only.env);
}

/** Rejects code whose packages are described in a folder of its own, because only those of the deployed folder are installed. */
function requireOwnFolder(folder: string, file: string, source: Source): void {
  const inner = join(folder, ".");
  if (inner === "." || inner === "./") return;
  const manifests = ["package.json", "requirements.txt", "pyproject.toml"].map((name) => join(inner, name));
  if (manifests.some((name) => exists(source, name)))
    throw new FaasError(
      "RUNTIME_UNKNOWN",
      `The code that ${file} describes is in ${inner}, with its own packages: deploy that folder, faas deploy ${join(source.folder, inner)} …`,
    );
}

/** Reads the configuration of a Knative function. */
async function knative(project: NodeProject): Promise<DetectedApp | undefined> {
  const { source, manifest } = project;
  const config = await yamlOf(source, ["func.yaml", "func.yml"]);
  const runtime = textIn(config, "runtime");
  if (runtime === "python") {
    const files = new PythonFiles(source);
    for (const file of ["func.py", "function/func.py", "function/__init__.py"]) {
      const module = await files.read(file);
      const exported = ["new", "main", "handle"].find((name) => module?.functions.has(name));
      if (exported !== undefined) return pythonFunction(file, exported, "knative");
    }
  }
  if (runtime !== "node" && runtime !== "typescript") return undefined;
  for (const path of [manifest?.main ?? "index", "index", "src/index", "build/index"]) {
    const file = await findEntry(path, source);
    if (file) return withSignature(file, "knative", "handle");
  }
  return undefined;
}

/** Reads the stack file of OpenFaaS. */
async function openfaas({ source }: NodeProject): Promise<DetectedApp | undefined> {
  const config = await yamlOf(source, ["stack.yml", "stack.yaml"]);
  if (textIn(recordIn(config, "provider"), "name") !== "openfaas") return undefined;
  const functions = Object.entries(recordIn(config, "functions") ?? {});
  const [only] = functions;
  if (!only) return undefined;
  if (functions.length > 1)
    throw new FaasError(
      "HANDLER_NOT_FOUND",
      `stack.yml has ${functions.length} functions, and an endpoint is one: deploy the folder of each, such as faas deploy ${textIn(only[1] as Config, "handler") ?? only[0]}`,
    );
  const folder = textIn(only[1] as Config, "handler") ?? ".";
  requireOwnFolder(folder, "stack.yml", source);
  const isPython = exists(source, join(folder, "handler.py"));
  return functionOf(join(folder, "handler"), isPython ? "handle" : "default", "openfaas", "stack.yml", source);
}

async function functionOf(
  path: string,
  exported: string,
  signature: Signature,
  config: string,
  source: Source,
): Promise<DetectedApp> {
  const file = await findEntry(path, source);
  if (file) return withSignature(file, signature, exported);
  const python = new PythonFiles(source).fileOf(path);
  if (python !== undefined) return pythonFunction(python, exported, signature);
  throw missing(path, config, source);
}

const pythonFunction = (file: string, exported: string, signature: Signature): DetectedApp => ({
  ...{ runtime: "python", signature, handler: pythonHandler(file, exported), entry: file },
  description: describeFunction(signature, file),
});

const withEnvironment = (app: DetectedApp, env: Readonly<Record<string, string>>): DetectedApp =>
  Object.keys(env).length === 0 ? app : { ...app, env };

/** Returns the values that are texts and numbers, without names that faas sets itself. */
function variables(record: Config | undefined): Record<string, string> {
  const plain = Object.entries(record ?? {}).filter(
    ([name, value]) =>
      /^(?:string|number|boolean)$/.test(typeof value) && !/^FAAS_|^PORT$/.test(name) && !String(value).includes("${"),
  );
  return Object.fromEntries(plain.map(([name, value]) => [name, String(value)]));
}

const missing = (path: string, what: string, { folder }: Source): FaasError =>
  new FaasError(
    "HANDLER_NOT_FOUND",
    `${what} names ${path}, which is missing among the deployed files of ${folder}: build it first, or set another file with --handler file.export`,
  );
