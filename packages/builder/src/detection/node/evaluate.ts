import type { Binding, NodeModule, NodeModules } from "./module.ts";
import {
  type AnyNode,
  type FunctionNode,
  identifier,
  importedSpecifier,
  isFunction,
  keyName,
  memberName,
  requiredSpecifier,
  returnedValues,
} from "./syntax.ts";

/** Value of an expression, as far as the code says without running it. */
export type Value =
  | { readonly kind: "package"; readonly specifier: string; readonly path: readonly string[] }
  /** Result of a call of a package's function or class, or of a method of such a result. */
  | { readonly kind: "call"; readonly specifier: string; readonly path: readonly string[] }
  | { readonly kind: "member"; readonly of: Value; readonly name: string }
  | { readonly kind: "function"; readonly node: FunctionNode; readonly module: NodeModule }
  | { readonly kind: "object"; readonly node: AnyNode & { type: "ObjectExpression" }; readonly module: NodeModule }
  | { readonly kind: "class"; readonly node: AnyNode; readonly module: NodeModule }
  | { readonly kind: "module"; readonly module: NodeModule }
  | { readonly kind: "unknown" };

const UNKNOWN: Value = { kind: "unknown" };
const MAX_DEPTH = 20;
/** Functions that compilers wrap imports in. */
const INTEROP = /^_{0,3}(?:importDefault|importStar|toESM|interopRequireDefault|interopRequireWildcard)$/;

/** Follows names through assignments, imports and calls to the packages and functions that they come from. */
export class Evaluator {
  readonly #modules: NodeModules;

  constructor(modules: NodeModules) {
    this.#modules = modules;
  }

  /** Returns the value of an export; undefined if the module has no such export. */
  async exported(module: NodeModule, name: string): Promise<Value | undefined> {
    const binding = module.exports.get(name);
    return binding ? this.#binding(binding, module, 0) : undefined;
  }

  evaluate(node: AnyNode, module: NodeModule, depth = 0): Promise<Value> {
    return depth > MAX_DEPTH ? Promise.resolve(UNKNOWN) : this.#evaluate(node, module, depth + 1);
  }

  async #evaluate(node: AnyNode, module: NodeModule, depth: number): Promise<Value> {
    const specifier = requiredSpecifier(node) ?? importedSpecifier(node);
    if (specifier !== undefined) return this.#imported(specifier, module);
    switch (node.type) {
      case "Identifier":
        return this.#name(node.name, module, depth);
      case "FunctionExpression":
      case "ArrowFunctionExpression":
      case "FunctionDeclaration":
        return { kind: "function", node, module };
      case "ClassDeclaration":
      case "ClassExpression":
        return { kind: "class", node, module };
      case "ObjectExpression":
        return { kind: "object", node, module };
      case "AwaitExpression":
      case "ChainExpression":
        return this.evaluate(node.type === "AwaitExpression" ? node.argument : node.expression, module, depth);
      case "AssignmentExpression":
        return this.evaluate(node.right, module, depth);
      case "SequenceExpression":
        return this.evaluate(node.expressions.at(-1) as AnyNode, module, depth);
      case "ConditionalExpression":
        return this.#first([node.consequent, node.alternate], module, depth);
      case "LogicalExpression":
        return this.#first([node.left, node.right], module, depth);
      case "MemberExpression":
        return this.#member(await this.evaluate(node.object, module, depth), memberName(node), depth);
      case "NewExpression":
      case "CallExpression":
        return this.#call(node, module, depth);
      default:
        return UNKNOWN;
    }
  }

  async #first(nodes: readonly AnyNode[], module: NodeModule, depth: number): Promise<Value> {
    for (const node of nodes) {
      const value = await this.evaluate(node, module, depth);
      if (value.kind !== "unknown") return value;
    }
    return UNKNOWN;
  }

  async #name(name: string, module: NodeModule, depth: number): Promise<Value> {
    const binding = module.bindings.get(name);
    return binding ? this.#binding(binding, module, depth) : UNKNOWN;
  }

  async #binding(binding: Binding, module: NodeModule, depth: number): Promise<Value> {
    if (depth > MAX_DEPTH) return UNKNOWN;
    let value =
      binding.kind === "import"
        ? await this.#imported(binding.specifier, module)
        : await this.evaluate(binding.node, module, depth + 1);
    for (const name of binding.path) value = await this.#member(value, name, depth + 1);
    return value;
  }

  async #imported(specifier: string, module: NodeModule): Promise<Value> {
    const path = this.#modules.resolve(specifier, module);
    if (path === undefined) return { kind: "package", specifier, path: [] };
    const local = await this.#modules.load(path);
    return local ? { kind: "module", module: local } : UNKNOWN;
  }

  async #member(object: Value, name: string | undefined, depth: number): Promise<Value> {
    if (name === undefined || depth > MAX_DEPTH) return UNKNOWN;
    switch (object.kind) {
      case "package":
        return { ...object, path: [...object.path, name] };
      case "module": {
        const binding = object.module.exports.get(name);
        if (binding) return this.#binding(binding, object.module, depth + 1);
        // `require("./app").get` is a member of what the module exports as a whole.
        const whole = object.module.exports.get("default");
        if (!whole || name === "default") return UNKNOWN;
        return this.#member(await this.#binding(whole, object.module, depth + 1), name, depth + 1);
      }
      case "object": {
        for (const property of object.node.properties)
          if (property.type === "Property" && keyName(property.key) === name)
            return this.evaluate(property.value, object.module, depth + 1);
        return UNKNOWN;
      }
      case "call":
      case "member":
        return { kind: "member", of: object, name };
      default:
        return UNKNOWN;
    }
  }

  async #call(
    node: AnyNode & { readonly type: "CallExpression" | "NewExpression" },
    module: NodeModule,
    depth: number,
  ): Promise<Value> {
    const { callee } = node;
    const [first] = node.arguments;
    const calleeName = identifier(callee) ?? memberName(callee) ?? "";
    if (INTEROP.test(calleeName) && first) return this.evaluate(first, module, depth);
    const called = wholeOf(await this.evaluate(callee as AnyNode, module, depth));
    if (called.kind === "package") return { kind: "call", specifier: called.specifier, path: called.path };
    // A method of an app mostly returns the app: `new Hono().get(…)`.
    if (called.kind === "member") return called.of;
    const target = called.kind === "module" ? await this.exported(called.module, "default") : called;
    return target?.kind === "function" ? this.#returned(target, depth) : UNKNOWN;
  }

  async #returned({ node, module }: Value & { readonly kind: "function" }, depth: number): Promise<Value> {
    for (const returned of returnedValues(node)) {
      if (isFunction(returned) && depth > MAX_DEPTH / 2) continue;
      const value = await this.evaluate(returned, module, depth + 1);
      if (value.kind !== "unknown") return value;
    }
    return UNKNOWN;
  }
}

/** Returns the default export in place of a whole package: `require("express")` is `express`. */
const wholeOf = (value: Value): Value =>
  value.kind === "package" ? { ...value, path: value.path.filter((name) => name !== "default") } : value;
