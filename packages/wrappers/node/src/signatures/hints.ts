/** Texts of which a function of another platform has at least one: parts of fields, and of names of parameters and methods. */
const HINTS =
  "callback cb done (context context=> context.re statusCode Parameters rawPath rawQuery requestContext httpMethod isBase64 multiValue stageVar routeKey awsRequest RemainingTime EventLoop FunctionArn functionName functionVersion memoryLimit logGroup logStream clientContext succeed fail( .status .headers(";

/**
 * Tests whether an export needs a closer look, because it may be a function for another platform. The look takes half a millisecond in a process that
 * has just started, so most functions of ours do without it.
 */
export function mayBeForeign(name: string | undefined, target: unknown): boolean {
  if (typeof target !== "function" || (name !== "handler" && name !== "default" && name !== "main")) return true;
  const text = String(target);
  if (target.length > 1 && text.slice(0, text.indexOf(")")).includes("res")) return true;
  // Functions that `awslambda.streamifyResponse` has wrapped are marked.
  if (Object.getOwnPropertySymbols(target).length > 0) return true;
  for (const hint of HINTS.split(" ")) if (text.includes(hint)) return true;
  return false;
}
