import type {
  AnonymousFunctionDeclaration,
  AnyNode,
  ArrowFunctionExpression,
  FunctionDeclaration,
  FunctionExpression,
  Program,
} from "acorn";

export type { AnyNode, Program };

export type FunctionNode =
  | AnonymousFunctionDeclaration
  | ArrowFunctionExpression
  | FunctionDeclaration
  | FunctionExpression;

/** Calls a visitor for a node and for everything within it; a visitor that returns false skips what is within the node. */
export function walk(node: AnyNode, visit: (node: AnyNode) => unknown): void {
  if (visit(node) === false) return;
  for (const child of children(node)) walk(child, visit);
}

function* children(node: AnyNode): Iterable<AnyNode> {
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield child;
}

const isNode = (value: unknown): value is AnyNode =>
  typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";

export const isFunction = (node: AnyNode): node is FunctionNode =>
  node.type === "FunctionExpression" || node.type === "ArrowFunctionExpression" || node.type === "FunctionDeclaration";

/** Returns the name of an identifier; undefined for other nodes. */
export const identifier = (node: AnyNode | null | undefined): string | undefined =>
  node?.type === "Identifier" ? node.name : undefined;

/** Returns the name of a property or of a member that is not computed. */
export function keyName(node: AnyNode | null | undefined): string | undefined {
  if (node?.type === "Literal") return String(node.value);
  return identifier(node);
}

/** Returns the property's name in `object.name` or `object["name"]`. */
export function memberName(node: AnyNode | null | undefined): string | undefined {
  if (node?.type !== "MemberExpression") return undefined;
  if (!node.computed) return identifier(node.property);
  return node.property.type === "Literal" ? String(node.property.value) : undefined;
}

/** Returns the text of a string without expressions. */
export function stringValue(node: AnyNode | null | undefined): string | undefined {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value;
  if (node?.type === "TemplateLiteral" && node.expressions.length === 0)
    return node.quasis[0]?.value.cooked ?? undefined;
  return undefined;
}

/** Returns the specifier of `require("…")`. */
export function requiredSpecifier(node: AnyNode | null | undefined): string | undefined {
  if (node?.type !== "CallExpression" || identifier(node.callee) !== "require") return undefined;
  return stringValue(node.arguments[0]);
}

/** Returns the module that `import("…")` or `await import("…")` loads. */
export function importedSpecifier(node: AnyNode | null | undefined): string | undefined {
  const inner = node?.type === "AwaitExpression" ? node.argument : node;
  return inner?.type === "ImportExpression" ? stringValue(inner.source) : undefined;
}

/** Returns the name of a parameter, also of one with a default. */
export const parameterName = (node: AnyNode | undefined): string | undefined =>
  identifier(node?.type === "AssignmentPattern" ? node.left : node);

/** Lists the names that a pattern takes out of an object. */
export function patternKeys(node: AnyNode | undefined): string[] {
  const pattern = node?.type === "AssignmentPattern" ? node.left : node;
  if (pattern?.type !== "ObjectPattern") return [];
  return pattern.properties.flatMap((each) => (each.type === "Property" ? (keyName(each.key) ?? []) : []));
}

/** Lists what a function returns, without the functions within it. */
export function returnedValues(node: FunctionNode): AnyNode[] {
  const { body } = node;
  if (body.type !== "BlockStatement") return [body];
  const values: AnyNode[] = [];
  walk(body, (each) => {
    if (isFunction(each)) return false;
    if (each.type === "ReturnStatement" && each.argument) values.push(each.argument);
    return undefined;
  });
  return values;
}
