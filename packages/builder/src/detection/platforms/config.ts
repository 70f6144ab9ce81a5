import { FaasError } from "@faas/core";
import { type AnyNode, parseExpressionAt } from "acorn";
import { parse } from "yaml";

/** Content of a configuration file. */
export type Config = Readonly<Record<string, unknown>>;

/**
 * Parses YAML; tags of its own, as CloudFormation has, do not matter.
 *
 * @throws MANIFEST_INVALID
 */
export function parseYaml(text: string, path: string): Config {
  try {
    return asRecord(parse(text, { logLevel: "silent" })) ?? {};
  } catch (cause) {
    const [summary = ""] = (cause as Error).message.split("\n");
    throw new FaasError("MANIFEST_INVALID", `${path}: ${summary}`, { cause });
  }
}

/** Parses JSON with comments and trailing commas; undefined if it is something else. */
export function parseJsonc(text: string | undefined): Config | undefined {
  if (text === undefined) return undefined;
  try {
    return asRecord(literalValue(parseExpressionAt(text.replace(/^\uFEFF/, ""), 0, { ecmaVersion: "latest" })));
  } catch {
    return undefined;
  }
}

function literalValue(node: AnyNode): unknown {
  if (node.type === "Literal") return node.value;
  if (node.type === "ArrayExpression") return node.elements.map((each) => (each ? literalValue(each) : undefined));
  if (node.type !== "ObjectExpression") return undefined;
  return Object.fromEntries(
    node.properties.flatMap((each) =>
      each.type === "Property" && each.key.type === "Literal"
        ? [[String(each.key.value), literalValue(each.value)]]
        : [],
    ),
  );
}

const asRecord = (value: unknown): Config | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Config) : undefined;

/** Returns a field that is an object. */
export const recordIn = (config: Config | undefined, field: string): Config | undefined => asRecord(config?.[field]);

/** Returns a field that is a text. */
export function textIn(config: Config | undefined, field: string): string | undefined {
  const value = config?.[field];
  return typeof value === "string" ? value : undefined;
}
