import { type AnyNode, type Node, type Program, parse } from "acorn";
import type { ModuleFormat } from "./file-names.ts";

/** Specifier of another module, or the path of a file beside the source, in JavaScript. */
export interface Reference {
  /**
   * - `import`: a declaration
   * - `dynamic`: an `import()`
   * - `require`: `require()`, `require.resolve()` or `import.meta.resolve()`
   * - `url`: `new URL(…, import.meta.url)`
   */
  readonly kind: "import" | "dynamic" | "require" | "url";
  readonly specifier: string;
  /** Range of the literal. */
  readonly start: number;
  readonly end: number;
  /** True with import attributes (`with { type: "json" }`). */
  readonly hasAttributes: boolean;
  /** True within `try`: a missing module may be expected. */
  readonly isOptional: boolean;
  /** Names that an `import { … } from` or `export { … } from` needs. */
  readonly names: readonly NamedReference[];
}

export interface NamedReference {
  readonly imported: string;
  /** Name in this module; undefined for `export { … } from`. */
  readonly local?: string;
  readonly start: number;
  readonly end: number;
}

/** Parts of a JavaScript module that depend on other modules. */
export interface ModuleSyntax {
  readonly format: ModuleFormat;
  readonly references: readonly Reference[];
  /** Ranges of `import()` expressions. */
  readonly dynamicImports: readonly Range[];
  /** Exported names, without those of `export *`. */
  readonly exported: ReadonlySet<string>;
  /** Specifiers of `export * from`. */
  readonly stars: readonly string[];
  /** Lists `{ … }` of imports and exports. */
  readonly lists: readonly (readonly NamedReference[])[];
  /** Names declared at the top. */
  readonly declared: ReadonlySet<string>;
}

export interface Range {
  readonly start: number;
  readonly end: number;
}

type AnyRecord = Record<string, unknown>;

/**
 * Parses JavaScript as the format that its syntax has: a module if it has imports, exports, `import.meta` or top-level `await`. A known format
 * saves an attempt.
 *
 * @throws SyntaxError
 */
export function parseModule(code: string, known?: ModuleFormat): ModuleSyntax {
  if (known !== undefined) return syntaxOf(code, known);
  const first: ModuleFormat = /^(?:import|export)\b/m.test(code) ? "esm" : "cjs";
  if (first === "esm") return syntaxOf(code, "esm");
  try {
    return syntaxOf(code, "cjs");
  } catch {
    return syntaxOf(code, "esm");
  }
}

const syntaxOf = (code: string, format: ModuleFormat): ModuleSyntax =>
  new Collector(
    parse(code, {
      ecmaVersion: "latest",
      allowHashBang: true,
      sourceType: format === "esm" ? "module" : "commonjs",
    }),
    format,
  ).syntax;

/** Walks over a program. */
class Collector {
  readonly #references: Reference[] = [];
  readonly #dynamicImports: Range[] = [];
  readonly #exported = new Set<string>();
  readonly #stars: string[] = [];
  readonly #lists: NamedReference[][] = [];
  readonly #declared = new Set<string>();
  readonly syntax: ModuleSyntax;

  constructor(program: Program, format: ModuleFormat) {
    for (const statement of program.body) this.#addTopLevel(statement);
    this.#walk(program, false);
    this.syntax = {
      format,
      references: this.#references,
      dynamicImports: this.#dynamicImports,
      exported: this.#exported,
      stars: this.#stars,
      lists: this.#lists,
      declared: this.#declared,
    };
  }

  #addTopLevel(statement: Program["body"][number]): void {
    const declaration = "declaration" in statement ? statement.declaration : statement;
    const isExported = statement !== declaration;
    if (statement.type === "ExportDefaultDeclaration") this.#exported.add("default");
    for (const name of declaredNames(declaration as AnyNode | null)) {
      this.#declared.add(name);
      if (isExported) this.#exported.add(name);
    }
    if (statement.type === "ImportDeclaration")
      for (const { local } of statement.specifiers) this.#declared.add(local.name);
    if (statement.type === "ExportAllDeclaration") {
      if (statement.exported) this.#exported.add(nameOf(statement.exported));
      else this.#stars.push(String(statement.source.value));
    }
    if (statement.type === "ExportNamedDeclaration")
      for (const { exported } of statement.specifiers) this.#exported.add(nameOf(exported));
  }

  #walk(node: AnyNode, isInTry: boolean): void {
    this.#visit(node, isInTry);
    for (const [key, value] of Object.entries(node)) {
      const isOptional = isInTry || (node.type === "TryStatement" && key === "block") || isCaught(node);
      for (const child of Array.isArray(value) ? value : [value])
        if (isNode(child)) this.#walk(child as AnyNode, isOptional);
    }
  }

  #visit(node: AnyNode, isOptional: boolean): void {
    switch (node.type) {
      case "ImportDeclaration":
      case "ExportNamedDeclaration":
      case "ExportAllDeclaration":
        this.#addDeclaration(node);
        return;
      case "ImportExpression":
        this.#dynamicImports.push({ start: node.start, end: node.end });
        this.#add("dynamic", node.source, { isOptional, hasAttributes: node.options != null });
        return;
      case "CallExpression":
        if (isRequire(node.callee)) this.#add("require", node.arguments[0], { isOptional });
        return;
      case "NewExpression":
        if (isIdentifier(node.callee, "URL") && isModuleUrl(node.arguments[1])) this.#add("url", node.arguments[0], {});
        return;
    }
  }

  #addDeclaration(node: AnyNode & { readonly type: `${"Import" | "ExportNamed" | "ExportAll"}Declaration` }): void {
    const names = "specifiers" in node ? node.specifiers.flatMap(namedReference) : [];
    if (names.length > 0) this.#lists.push(names);
    if (!node.source) return;
    this.#add("import", node.source, { names, hasAttributes: node.attributes.length > 0 });
  }

  #add(kind: Reference["kind"], node: AnyNode | undefined | null, details: Partial<Reference>): void {
    const specifier = literalText(node);
    if (!node || specifier === undefined) return;
    const { start, end } = node;
    this.#references.push({
      kind,
      specifier,
      start,
      end,
      hasAttributes: false,
      isOptional: false,
      names: [],
      ...details,
    });
  }
}

function namedReference(specifier: AnyNode): NamedReference[] {
  const { start, end } = specifier;
  if (specifier.type === "ImportSpecifier")
    return [{ imported: nameOf(specifier.imported), local: specifier.local.name, start, end }];
  // Without `from`, the name is one of this module.
  if (specifier.type === "ExportSpecifier") return [{ imported: nameOf(specifier.local), start, end }];
  return [];
}

function declaredNames(node: AnyNode | null | undefined): string[] {
  if (node?.type === "VariableDeclaration") return node.declarations.flatMap(({ id }) => patternNames(id));
  if (node?.type === "FunctionDeclaration" || node?.type === "ClassDeclaration") return node.id ? [node.id.name] : [];
  return [];
}

function patternNames(pattern: AnyNode | null): string[] {
  switch (pattern?.type) {
    case "Identifier":
      return [pattern.name];
    case "ObjectPattern":
      return pattern.properties.flatMap((each) => patternNames(each.type === "Property" ? each.value : each.argument));
    case "ArrayPattern":
      return pattern.elements.flatMap(patternNames);
    case "AssignmentPattern":
      return patternNames(pattern.left);
    case "RestElement":
      return patternNames(pattern.argument);
    default:
      return [];
  }
}

/** Returns true for `….catch(…)`. */
const isCaught = (node: AnyNode): boolean =>
  node.type === "CallExpression" &&
  node.callee.type === "MemberExpression" &&
  isIdentifier(node.callee.property, "catch");

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as AnyRecord).type === "string";

const isIdentifier = (node: AnyNode | undefined, name: string): boolean =>
  node?.type === "Identifier" && node.name === name;

/** Returns true for `require`, `require.resolve` and `import.meta.resolve`. */
function isRequire(callee: AnyNode): boolean {
  if (isIdentifier(callee, "require") || isIdentifier(callee, "__faas_resolve")) return true;
  if (callee.type !== "MemberExpression" || !isIdentifier(callee.property, "resolve")) return false;
  return isIdentifier(callee.object, "require") || callee.object.type === "MetaProperty";
}

/** Returns true for `import.meta.url`, and for its replacement in CommonJS. */
const isModuleUrl = (node: AnyNode | undefined): boolean =>
  isIdentifier(node, "__faas_url") ||
  (node?.type === "MemberExpression" && node.object.type === "MetaProperty" && isIdentifier(node.property, "url"));

function literalText(node: AnyNode | undefined | null): string | undefined {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value;
  if (node?.type === "TemplateLiteral" && node.expressions.length === 0)
    return node.quasis[0]?.value.cooked ?? undefined;
  return undefined;
}

const nameOf = (node: { readonly type: string; readonly name?: string; readonly value?: unknown }): string =>
  node.name ?? String(node.value);
