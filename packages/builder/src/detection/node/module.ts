import { readFile } from "node:fs/promises";
import { extname, relative } from "node:path";
import { parse } from "acorn";
import { isTypeScript } from "../../typescript/file-names.ts";
import { resolveImport } from "../../typescript/resolve.ts";
import { Tsconfigs } from "../../typescript/tsconfig.ts";
import {
  type AnyNode,
  identifier,
  importedSpecifier,
  keyName,
  memberName,
  type Program,
  requiredSpecifier,
  stringValue,
  walk,
} from "./syntax.ts";

/** Something that a name in a module stands for: an expression, or an export of another module. */
export type Binding =
  | { readonly kind: "value"; readonly node: AnyNode; readonly path: readonly string[] }
  | { readonly kind: "import"; readonly specifier: string; readonly path: readonly string[] };

/** A module of the user's folder. */
export interface NodeModule {
  /** Path relative to the folder. */
  readonly name: string;
  readonly path: string;
  readonly program: Program;
  /** Names by what they stand for, those of inner scopes too where the top has none. */
  readonly bindings: ReadonlyMap<string, Binding>;
  /** Exports by name; `default` is also the whole of `module.exports`. */
  readonly exports: ReadonlyMap<string, Binding>;
  /** Specifiers of all modules that it loads. */
  readonly specifiers: readonly string[];
}

/** The modules of a folder, each read once. A module that cannot be parsed is missing: the build or the wrapper reports it. */
export class NodeModules {
  readonly #folder: string;
  readonly #tsconfigs: Tsconfigs;
  readonly #cache = new Map<string, Promise<NodeModule | undefined>>();

  constructor(folder: string) {
    this.#folder = folder;
    this.#tsconfigs = new Tsconfigs(folder);
  }

  load(path: string): Promise<NodeModule | undefined> {
    let loading = this.#cache.get(path);
    if (!loading) {
      loading = this.#read(path).catch(() => undefined);
      this.#cache.set(path, loading);
    }
    return loading;
  }

  /** Returns the path of a module of the folder; undefined for a package. */
  resolve(specifier: string, importer: NodeModule): string | undefined {
    const found = resolveImport(specifier, importer.path, this.#tsconfigs);
    return typeof found === "object" && !found.path.includes("/node_modules/") ? found.path : undefined;
  }

  async #read(path: string): Promise<NodeModule> {
    const text = await readFile(path, "utf8");
    const program = parseProgram(isTypeScript(path) || path.endsWith(".jsx") ? await withoutTypes(path, text) : text);
    const collector = new Collector(program);
    return { name: relative(this.#folder, path), path, program, ...collector };
  }
}

async function withoutTypes(path: string, text: string): Promise<string> {
  const { transform } = await import("esbuild");
  const loader = /x$/.test(extname(path)) ? "tsx" : "ts";
  // Decorators are lowered: acorn does not know them.
  const tsconfigRaw = { compilerOptions: { experimentalDecorators: true } };
  const { code } = await transform(text, { loader, target: "node22", logLevel: "silent", tsconfigRaw });
  return code;
}

function parseProgram(text: string): Program {
  const options = { ecmaVersion: "latest", allowHashBang: true } as const;
  try {
    return parse(text, { ...options, sourceType: "module", allowReturnOutsideFunction: true });
  } catch {
    return parse(text, { ...options, sourceType: "commonjs" });
  }
}

/** Collects the names, exports and imports of a module. */
class Collector {
  readonly bindings = new Map<string, Binding>();
  readonly exports = new Map<string, Binding>();
  readonly specifiers: string[] = [];

  constructor(program: Program) {
    for (const statement of program.body) this.#addStatement(statement);
    walk(program, (node) => {
      this.#addInner(node);
    });
  }

  #addStatement(node: AnyNode): void {
    switch (node.type) {
      case "ImportDeclaration":
        for (const each of node.specifiers) {
          const path = each.type === "ImportNamespaceSpecifier" ? [] : [importedName(each)];
          this.bindings.set(each.local.name, { kind: "import", specifier: String(node.source.value), path });
        }
        return;
      case "ExportNamedDeclaration":
        if (node.declaration) this.#declare(node.declaration, true);
        for (const each of node.specifiers) {
          const local = keyName(each.local) ?? "";
          const exported = keyName(each.exported) ?? "";
          this.exports.set(
            exported,
            node.source
              ? { kind: "import", specifier: String(node.source.value), path: [local] }
              : { kind: "value", node: each.local as AnyNode, path: [] },
          );
        }
        return;
      case "ExportDefaultDeclaration":
        this.exports.set("default", value(node.declaration));
        this.#declare(node.declaration, false);
        return;
      case "ExportAllDeclaration":
        if (node.exported)
          this.exports.set(keyName(node.exported) ?? "", {
            kind: "import",
            specifier: String(node.source.value),
            path: [],
          });
        return;
      default:
        this.#declare(node, false);
    }
  }

  #declare(node: AnyNode, isExported: boolean): void {
    if (node.type === "FunctionDeclaration" || node.type === "ClassDeclaration") {
      if (node.id) this.#bind(node.id.name, value(node), isExported);
    } else if (node.type === "VariableDeclaration") {
      for (const { id, init } of node.declarations) if (init) this.#bindPattern(id, init, [], isExported);
    }
  }

  #bindPattern(pattern: AnyNode, init: AnyNode, path: readonly string[], isExported: boolean): void {
    const name = identifier(pattern);
    if (name !== undefined) this.#bind(name, value(init, path), isExported);
    if (pattern.type !== "ObjectPattern") return;
    for (const each of pattern.properties) {
      if (each.type !== "Property") continue;
      const target = each.value.type === "AssignmentPattern" ? each.value.left : each.value;
      this.#bindPattern(target, init, [...path, keyName(each.key) ?? ""], isExported);
    }
  }

  #bind(name: string, binding: Binding, isExported: boolean): void {
    if (!this.bindings.has(name)) this.bindings.set(name, binding);
    if (isExported) this.exports.set(name, binding);
  }

  #addInner(node: AnyNode): void {
    const specifier = requiredSpecifier(node) ?? importedSpecifier(node) ?? sourceOf(node);
    if (specifier !== undefined) this.specifiers.push(specifier);
    if (node.type === "VariableDeclaration" || node.type === "FunctionDeclaration") this.#declare(node, false);
    if (node.type === "AssignmentExpression") this.#assign(node.left, node.right);
    if (node.type === "CallExpression" && memberName(node.callee) === "defineProperty") this.#define(node.arguments);
  }

  #assign(left: AnyNode, right: AnyNode): void {
    const name = identifier(left);
    // `let app; app = express()` in a function.
    if (name !== undefined && !this.bindings.has(name)) this.bindings.set(name, value(right));
    const exported = exportName(left);
    // The compiler first writes `exports.a = void 0`.
    if (exported === undefined || isUndefined(right)) return;
    const [inner, path] = assignedValue(right);
    if (exported === "default" || !this.exports.has(exported)) this.exports.set(exported, value(inner, path));
    if (exported === "default" && inner.type === "ObjectExpression") this.#addMembers(inner);
  }

  #addMembers(object: AnyNode & { readonly type: "ObjectExpression" }): void {
    for (const property of object.properties) {
      const name = property.type === "Property" ? keyName(property.key) : undefined;
      if (name !== undefined && property.type === "Property") this.exports.set(name, value(property.value));
    }
  }

  /** Adds `Object.defineProperty(exports, "name", { get: function () { return … } })`. */
  #define([target, key, descriptor]: readonly AnyNode[]): void {
    const name = stringValue(key);
    if (identifier(target) !== "exports" || name === undefined || name === "__esModule" || !descriptor) return;
    let returned: AnyNode | undefined;
    walk(descriptor, (node) => {
      if (node.type === "ReturnStatement" && node.argument) returned ??= node.argument;
    });
    if (returned) this.exports.set(name, value(returned));
  }
}

const value = (node: AnyNode, path: readonly string[] = []): Binding => ({ kind: "value", node, path });

const importedName = (node: AnyNode): string =>
  node.type === "ImportSpecifier" ? (keyName(node.imported) ?? "") : "default";

/** Returns the last value in `a = b = c`. */
function assignedValue(node: AnyNode): [AnyNode, readonly string[]] {
  return node.type === "AssignmentExpression" ? assignedValue(node.right) : [node, []];
}

const isUndefined = (node: AnyNode): boolean =>
  (node.type === "UnaryExpression" && node.operator === "void") ||
  identifier(node) === "undefined" ||
  (node.type === "AssignmentExpression" && isUndefined(node.right));

/** Returns the export that an assignment sets: `module.exports`, `exports.a` and `module.exports.a`. */
function exportName(left: AnyNode): string | undefined {
  if (left.type !== "MemberExpression") return undefined;
  const name = memberName(left);
  if (isModuleExports(left)) return "default";
  const isExports = identifier(left.object) === "exports" || isModuleExports(left.object);
  return isExports ? name : undefined;
}

const isModuleExports = (node: AnyNode): boolean =>
  node.type === "MemberExpression" && identifier(node.object) === "module" && memberName(node) === "exports";

const sourceOf = (node: AnyNode): string | undefined =>
  "source" in node && node.source && node.source.type === "Literal" ? String(node.source.value) : undefined;
