import type { LoadedFunction, Responder } from "../load/loaded-function.ts";
import { appSetting, handlerSetting, nameOf, signatureSetting } from "../options.ts";
import { Problem } from "../problem.ts";
import { isRequest, isResponse, recognizeSignature, type Signature } from "./detect.ts";
import { fissionResponder } from "./fission.ts";
import { parametersOf, sourceOf, type UserFunction } from "./function-source.ts";
import { cloudEventResponder, googleFunction, registeredGoogleFunction } from "./google.ts";
import { type KnativeModule, knativeResponder } from "./knative.ts";
import { defineAwslambda, lambdaResponder } from "./lambda.ts";
import { setLambdaEnvironment } from "./lambda-context.ts";
import { openFaasResponder } from "./openfaas.ts";

/** Exports by which platforms call functions, tried after ours. */
const EXPORTS: Readonly<Record<string, readonly string[]>> = {
  lambda: ["handler", "lambdaHandler"],
  knative: ["handle", "default"],
  openfaas: ["default", "handler"],
};

/** Name of the export in the handler's setting. */
const exportSetting = handlerSetting?.slice(handlerSetting.lastIndexOf(".") + 1);

/** Prepares what code for another platform finds when it is loaded. */
export function prepareSignature(): void {
  if (signatureSetting === "lambda") setLambdaEnvironment();
  if (signatureSetting === "lambda" || signatureSetting === undefined) defineAwslambda();
}

/**
 * Makes the function of another platform answer calls, if FAAS_SIGNATURE names one or the function is certainly for one.
 *
 * @param key - name of the export that the wrapper has found; undefined without one
 * @param exported - returns an export of the module by its name
 * @param namesOf - returns the names of all exports of the module
 * @param file - path of the module
 * @throws FUNCTION_LOAD_FAILED
 */
export async function adaptSignature(
  key: string | undefined,
  exported: (name: string) => unknown,
  namesOf: () => readonly string[],
  file: string,
): Promise<LoadedFunction | undefined> {
  if (signatureSetting === "faas" || (appSetting ?? "function") !== "function") return undefined;
  const isFunction = (name: string | undefined) => name !== undefined && typeof exported(name) === "function";
  const name = isFunction(key) ? key : findByConvention(isFunction, exported, namesOf());
  const mayBeRegistered =
    signatureSetting === undefined ? name === undefined : /^(?:gcf|cloudevents)$/.test(signatureSetting);
  if (mayBeRegistered) {
    const registered = registeredGoogleFunction(file, exportSetting);
    if (registered) return registered;
  }
  if (name === undefined) {
    if (signatureSetting === undefined) return undefined;
    throw new Problem(
      "FUNCTION_LOAD_FAILED",
      `${nameOf(file)}: expected a function of the signature ${signatureSetting}, but it exports ${namesOf().join(", ") || "nothing"}. Set the handler to "file.export"`,
    );
  }
  const handler = exported(name) as UserFunction;
  const signature = (signatureSetting as Signature | undefined) ?? recognizeSignature(handler, name);
  if (signature === undefined || signature === "faas") return undefined;
  if (signature === "gcf") return googleFunction(handler, file, parametersOf(sourceOf(handler)));
  return { respond: await responderOf(signature, handler, exported) };
}

/** Names the function of a module by the conventions of other platforms. */
function findByConvention(
  isFunction: (name: string | undefined) => boolean,
  exported: (name: string) => unknown,
  names: readonly string[],
): string | undefined {
  if (exportSetting !== undefined) return undefined;
  const { FUNCTION_TARGET, GOOGLE_FUNCTION_TARGET } = process.env;
  const conventions = EXPORTS[signatureSetting ?? ""] ?? ["handle", "lambdaHandler"];
  const name = [FUNCTION_TARGET, GOOGLE_FUNCTION_TARGET, ...conventions].find(isFunction);
  if (name !== undefined) return name;
  // Google's functions have any name: the only one that takes a request and a response.
  const [only, ...others] = names.filter((each) => each !== "default" && isFunction(each));
  if (only === undefined || others.length > 0) return undefined;
  const [first = "", second = ""] = parametersOf(sourceOf(exported(only) as UserFunction));
  const isCertain =
    signatureSetting === "gcf" || signatureSetting === "cloudevents" || (isRequest(first) && isResponse(second));
  return isCertain ? only : undefined;
}

async function responderOf(
  signature: Exclude<Signature, "faas" | "gcf">,
  handler: UserFunction,
  exported: (name: string) => unknown,
): Promise<Responder> {
  switch (signature) {
    case "lambda":
      setLambdaEnvironment();
      return lambdaResponder(handler);
    case "cloudevents":
      return cloudEventResponder(handler);
    case "openfaas":
      return openFaasResponder(handler);
    case "fission":
      return fissionResponder(handler);
    case "knative": {
      const functionNamed = (name: string) =>
        typeof exported(name) === "function" ? (exported(name) as UserFunction) : undefined;
      const [init, shutdown, cors] = ["init", "shutdown", "cors"].map(functionNamed);
      return knativeResponder({ handle: handler, init, shutdown, cors } as KnativeModule);
    }
  }
}
