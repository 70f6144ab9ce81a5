import ts from "typescript-api";

/** Function that is longer than the limit. */
export interface LongFunction {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

/** Functions of `node:test` whose callbacks are lists of tests or single scenarios, which read top to bottom. */
const TEST_FUNCTIONS = new Set(["after", "before", "describe", "test"]);

/** Finds the functions in a TypeScript or JavaScript file that have more than `limit` lines, without callbacks of `node:test`. */
export function longFunctions(file: string, text: string, limit: number): LongFunction[] {
  const languageVersion = ts.ScriptTarget.Latest;
  const jsDocParsingMode = ts.JSDocParsingMode.ParseNone;
  const source = ts.createSourceFile(file, text, { languageVersion, jsDocParsingMode }, true);
  const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line + 1;
  const found: LongFunction[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isFunctionLike(node) && "body" in node && node.body && !isTestCallback(node)) {
      const line = lineOf(node.getStart(source));
      const lines = lineOf(node.end) - line + 1;
      if (lines > limit) found.push({ name: nameOf(node, source), line, lines });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isTestCallback({ parent }: ts.Node): boolean {
  return (
    ts.isCallExpression(parent) && ts.isIdentifier(parent.expression) && TEST_FUNCTIONS.has(parent.expression.text)
  );
}

function nameOf(node: ts.SignatureDeclaration, source: ts.SourceFile): string {
  if (node.name) return node.name.getText(source);
  const { parent } = node;
  return (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) && parent.name
    ? parent.name.getText(source)
    : "(anonymous)";
}
