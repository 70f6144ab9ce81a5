import {
  type AnyNode,
  type FunctionNode,
  identifier,
  keyName,
  memberName,
  parameterName,
  patternKeys,
  returnedValues,
  walk,
} from "./syntax.ts";

/** Convention that the code of a function follows for certain. */
export type Convention = "http" | "gcf" | "lambda" | "openfaas" | "fetch";

/** Members of Node's response. */
const NODE_RESPONSE = new Set(["end", "write", "writeHead", "setHeader", "flushHeaders", "getHeader", "removeHeader"]);
/** Members that Express adds to the response and to the request. */
const EXPRESS_RESPONSE = new Set([
  "send",
  "json",
  "jsonp",
  "status",
  "sendStatus",
  "sendFile",
  "redirect",
  "render",
  "type",
  "set",
  "cookie",
]);
const EXPRESS_REQUEST = new Set(["body", "query", "params", "rawBody", "get"]);
/** Fields of Lambda's events and of its context that no other platform has. */
const LAMBDA_EVENT = new Set(
  "requestContext rawPath rawQueryString queryStringParameters multiValueQueryStringParameters pathParameters stageVariables httpMethod isBase64Encoded multiValueHeaders routeKey Records".split(
    " ",
  ),
);
const LAMBDA_CONTEXT = new Set(
  "awsRequestId functionName functionVersion invokedFunctionArn memoryLimitInMB logGroupName logStreamName getRemainingTimeInMillis callbackWaitsForEmptyEventLoop".split(
    " ",
  ),
);
/** Methods of a web-standard request. */
const FETCH_REQUEST = new Set(["json", "text", "formData", "arrayBuffer", "blob", "clone"]);

/** Recognizes the convention of a function by its parameters and what it does with them; undefined for a plain function. */
export function conventionOf(node: FunctionNode): Convention | undefined {
  const [first, second, third] = node.params;
  const onFirst = new Set([...membersOf(parameterName(first), node), ...patternKeys(first)]);
  const onSecond = new Set([...membersOf(parameterName(second), node), ...patternKeys(second)]);
  if (hasAny(onSecond, NODE_RESPONSE) || hasAny(onSecond, EXPRESS_RESPONSE) || isNamedResponse(first, second)) {
    // OpenFaaS: `context.status(200).succeed(…)`.
    if (onSecond.has("succeed") || (onSecond.has("status") && isNamed(second, /^(?:context|ctx)$/))) return "openfaas";
    return hasAny(onSecond, EXPRESS_RESPONSE) || hasAny(onFirst, EXPRESS_REQUEST) ? "gcf" : "http";
  }
  if (onSecond.has("succeed")) return "openfaas";
  if (isCallback(third, node) || hasAny(onSecond, LAMBDA_CONTEXT) || hasAny(onFirst, LAMBDA_EVENT)) return "lambda";
  if (returnsStatusCode(node)) return "lambda";
  const isRequest = isNamed(first, /^(?:req|request)$/) && second === undefined;
  if (isRequest && (onFirst.has("url") || callsAny(parameterName(first), FETCH_REQUEST, node))) return "fetch";
  return undefined;
}

const hasAny = (names: ReadonlySet<string>, known: ReadonlySet<string>): boolean =>
  [...names].some((name) => known.has(name));

const isNamed = (parameter: AnyNode | undefined, pattern: RegExp): boolean =>
  pattern.test(parameterName(parameter) ?? "");

const isNamedResponse = (first: AnyNode | undefined, second: AnyNode | undefined): boolean =>
  isNamed(first, /^_?(?:req|request)$/i) && isNamed(second, /^_?(?:res|response)$/i);

/** Lists the members of a variable that a function uses. */
function membersOf(variable: string | undefined, node: FunctionNode): string[] {
  const members: string[] = [];
  if (variable === undefined) return members;
  walk(node.body, (each) => {
    const name = memberName(each);
    if (name !== undefined && each.type === "MemberExpression" && identifier(each.object) === variable)
      members.push(name);
    if (each.type === "VariableDeclarator" && identifier(each.init) === variable) members.push(...patternKeys(each.id));
  });
  return members;
}

/** Returns true if a function calls one of the methods of a variable. */
function callsAny(variable: string | undefined, methods: ReadonlySet<string>, node: FunctionNode): boolean {
  let calls = false;
  walk(node.body, (each) => {
    if (each.type !== "CallExpression" || each.callee.type !== "MemberExpression") return;
    calls ||= identifier(each.callee.object) === variable && methods.has(memberName(each.callee) ?? "");
  });
  return calls;
}

/** Returns true for a third parameter that is called, or named as a callback. */
function isCallback(third: AnyNode | undefined, node: FunctionNode): boolean {
  const name = parameterName(third);
  if (name === undefined) return false;
  let isCalled = /^(?:callback|cb|done)$/.test(name);
  walk(node.body, (each) => {
    isCalled ||= each.type === "CallExpression" && identifier(each.callee) === name;
  });
  return isCalled;
}

/** Returns true if a function returns an object with `statusCode`, which only Lambda knows, also by way of a variable. */
function returnsStatusCode(node: FunctionNode): boolean {
  const variables = new Map<string, AnyNode>();
  walk(node.body, (each) => {
    const name = each.type === "VariableDeclarator" ? identifier(each.id) : undefined;
    if (name !== undefined && each.type === "VariableDeclarator" && each.init) variables.set(name, each.init);
  });
  return returnedValues(node)
    .flatMap(alternatives)
    .map((value) => variables.get(identifier(value) ?? "") ?? value)
    .some(
      (value) =>
        value.type === "ObjectExpression" &&
        value.properties.some((each) => each.type === "Property" && keyName(each.key) === "statusCode"),
    );
}

const alternatives = (node: AnyNode): AnyNode[] =>
  node.type === "ConditionalExpression" ? [...alternatives(node.consequent), ...alternatives(node.alternate)] : [node];
