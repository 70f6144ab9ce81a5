import { isCallback, parametersOf, sourceOf, type UserFunction, withoutComments } from "./function-source.ts";

/** Convention for the arguments and the result of a function; `fission` is recognized, but not a setting. */
export type Signature = "faas" | "lambda" | "gcf" | "cloudevents" | "openfaas" | "knative" | "fission";

/** Mark of functions that `awslambda.streamifyResponse` has wrapped, the same as in the runtime of AWS. */
export const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
/** Fields of events and contexts that only AWS Lambda has. */
const LAMBDA_EVENT =
  "rawPath|rawQueryString|requestContext|queryStringParameters|multiValueQueryStringParameters|multiValueHeaders|pathParameters|isBase64Encoded|httpMethod|stageVariables|routeKey";
const LAMBDA_CONTEXT =
  "awsRequestId|getRemainingTimeInMillis|callbackWaitsForEmptyEventLoop|invokedFunctionArn|functionName|functionVersion|memoryLimitInMB|logGroupName|logStreamName|clientContext|done";
/** Fields and methods of Express' requests and responses that Node's do not have. */
const EXPRESS_REQUEST = "body|rawBody|query|params|path|get|header|ip|hostname|protocol|cookies";
const EXPRESS_RESPONSE = "status|send|json|sendStatus|redirect|set|type|cookie|header";

/**
 * Recognizes functions of other platforms by what a handler of ours cannot have: names of parameters, and fields of them that its event and
 * context lack. Undefined if it may be one of ours.
 *
 * @param name - name of the export; `default` is the whole of a CommonJS module
 */
export function recognizeSignature(target: UserFunction, name: string): Signature | undefined {
  if (STREAMING in target) return "lambda";
  const source = sourceOf(target);
  const [first = "", second = "", third] = parametersOf(source);
  const reads = (parameter: string, fields: string) => usesField(source, parameter, fields);
  if (isRequest(first) && isResponse(second))
    return reads(first, EXPRESS_REQUEST) || reads(second, EXPRESS_RESPONSE) ? "gcf" : undefined;
  if (first === "context") {
    if (reads(first, "request|response")) return "fission";
    if (isCallback(second)) return "openfaas";
  }
  if (name === "handle") return "knative";
  if (/^lambda_?handler$/i.test(name)) return "lambda";
  if (reads(second, "status|headers")) return "openfaas";
  if (reads(second, "succeed|fail")) return name === "default" ? "openfaas" : "lambda";
  if (name === "default") return isCallback(third) ? "openfaas" : undefined;
  if (isCallback(third)) return first === "data" ? "gcf" : "lambda";
  if (reads(first, LAMBDA_EVENT) || reads(second, LAMBDA_CONTEXT)) return "lambda";
  const returnsStatusCode = /\bstatusCode["']?\s*:\s*["']?\d{3}\b/.test(source) && /\bbody\b/.test(source);
  return returnsStatusCode && !reads(first, "method|query|rawBody") ? "lambda" : undefined;
}

export const isRequest = (name: string): boolean => /^_?req(?:uest)?$/i.test(name);
export const isResponse = (name: string): boolean => /^_?res(?:p|ponse)?$/i.test(name);

/** Tests whether a function uses one of some fields of a parameter: `event.body`, `event?.body`, `{ body }` as the parameter or its value. */
function usesField(source: string, parameter: string, fields: string): boolean {
  if (parameter.startsWith("{")) return new RegExp(`[{,]\\s*(?:${fields})\\b`).test(parameter);
  if (!/^[\w$]+$/.test(parameter)) return false;
  const name = parameter.replaceAll("$", "\\$");
  return (
    new RegExp(`(?<![\\w$.])${name}\\s*\\??\\.\\s*(?:${fields})(?![\\w$])`).test(source) ||
    new RegExp(`\\{[^{}]*?\\b(?:${fields})\\b[^{}]*\\}\\s*=\\s*${name}(?![\\w$.])`).test(source)
  );
}

/** Names the signature that source text looks like, for advice in an error. Undefined if it looks like one of ours. */
export function likelySignature(text: string): Exclude<Signature, "fission"> | undefined {
  const source = withoutComments(text);
  if (/@google-cloud\/functions-framework|\bres(?:p|ponse)?\s*\.\s*(?:send|json|status|sendStatus)\s*\(/.test(source))
    return "gcf";
  if (/\bcloudEventResponse\b/.test(source)) return "knative";
  if (/\bcontext\s*\.\s*(?:status|headers)\s*\(/.test(source)) return "openfaas";
  if (new RegExp(`\\bstatusCode\\b|\\bawslambda\\b|\\b(?:${LAMBDA_EVENT}|awsRequestId)\\b`).test(source))
    return "lambda";
  if (/\bcontext\s*\.\s*(?:succeed|fail|done)\s*\(/.test(source)) return "lambda";
  if (/\b(?:specversion|datacontenttype)\b/.test(source)) return "cloudevents";
  return undefined;
}
