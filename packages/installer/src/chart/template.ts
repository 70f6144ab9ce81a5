import type { Conditions } from "./conditions.ts";
import type { Placeholder } from "./variables.ts";

/** Writes values that differ between samples as one template of Helm. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
/** A value at each sample; `undefined` where it is absent. */
export type Values = readonly (Json | undefined)[];

/** Lines of a template, and the condition under which they are there. */
interface Part {
  readonly condition: string;
  readonly text: string;
}

/** A writer of templates for objects. */
export class TemplateWriter {
  readonly #conditions: Conditions;
  readonly #placeholders: ReadonlyMap<string, string>;
  readonly #pattern: RegExp;

  constructor(conditions: Conditions, placeholders: readonly Placeholder[]) {
    this.#conditions = conditions;
    this.#placeholders = new Map(placeholders.map(({ text, expression }) => [text, expression]));
    const escaped = placeholders.map(({ text }) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
    this.#pattern = new RegExp(escaped.join("|"), "g");
  }

  /** Returns the template of an object, which may be absent. */
  object(values: Values): string {
    const everywhere = values.map((value) => value !== undefined);
    const text = this.#block(values, 0).slice(1);
    const condition = this.#conditions.conditionFor(everywhere, true);
    return condition === "true" ? `${text}\n` : `{{- if ${condition} }}\n${text}\n{{- end }}\n`;
  }

  /** Returns a value after its key: on the same line, or on lines of its own. */
  #block(values: Values, indent: number): string {
    const present = values.filter((value) => value !== undefined);
    if (present.every(isMap) && present.some((value) => Object.keys(value).length > 0))
      return this.#map(values, indent);
    if (present.every(Array.isArray) && present.some((value) => value.length > 0)) return this.#list(values, indent);
    return ` ${this.#scalar(values)}`;
  }

  #map(values: Values, indent: number): string {
    const names = mergedOrder(values.flatMap((value) => (isMap(value) ? [Object.keys(value)] : [])));
    const parts = names.map((name): Part => {
      const children = values.map((value) => (isMap(value) && Object.hasOwn(value, name) ? value[name] : undefined));
      const key = `\n${" ".repeat(indent)}${/^[A-Za-z][\w-]*$/.test(name) ? name : JSON.stringify(name)}:`;
      return { condition: this.#presence(values, children), text: key + this.#block(children, indent + 2) };
    });
    return joined(parts);
  }

  #list(values: Values, indent: number): string {
    const keyed = values.map((value) => (Array.isArray(value) ? keyedItems(value) : undefined));
    const keys = mergedOrder(keyed.flatMap((items) => (items ? [[...items.keys()]] : [])));
    const parts = keys.map((key): Part => {
      const items = keyed.map((each) => each?.get(key));
      const block = this.#block(items, indent + 2);
      const dash = `\n${" ".repeat(indent)}-`;
      // The first key of a map stands behind the dash, if it is always there.
      const text = block.startsWith("\n") ? this.#item(dash, block, indent) : dash + block;
      return { condition: this.#presence(values, items), text };
    });
    return joined(parts);
  }

  #item(dash: string, block: string, indent: number): string {
    const start = `\n${" ".repeat(indent + 2)}`;
    return block.startsWith(start) && !block.startsWith(`${start} `)
      ? `${dash} ${block.slice(start.length)}`
      : dash + block;
  }

  /** Returns the condition under which a child is in its parent. */
  #presence(parents: Values, children: Values): string {
    const presence = parents.map((parent, sample) =>
      parent === undefined ? undefined : children[sample] !== undefined,
    );
    return this.#conditions.conditionFor(presence, true);
  }

  #scalar(values: Values): string {
    const texts = values.map((value) => (value === undefined ? undefined : JSON.stringify(value)));
    const distinct = [...new Set(texts)].filter((text) => text !== undefined);
    const [last = "null", ...others] = distinct.toReversed();
    const branches = others.map((text, index) => {
      const condition = this.#conditions.conditionFor(texts, text);
      return `{{ ${index === 0 ? "if" : "else if"} ${condition} }}${this.#filled(text)}`;
    });
    return branches.length === 0 ? this.#filled(last) : `${branches.join("")}{{ else }}${this.#filled(last)}{{ end }}`;
  }

  /** Replaces placeholders in JSON by expressions. */
  #filled(json: string): string {
    const value: unknown = JSON.parse(json);
    const whole = this.#placeholders.get(String(value));
    if (whole !== undefined) return typeof value === "string" ? `{{ ${whole} | quote }}` : `{{ ${whole} }}`;
    return json.replaceAll(this.#pattern, (text) => `{{ ${this.#placeholders.get(text)} }}`);
  }
}

/** Joins parts of a template. Neighbors with the same condition share it. */
function joined(parts: readonly Part[]): string {
  let open = "true";
  let text = "";
  for (const part of [...parts, { condition: "true", text: "" }]) {
    if (part.condition !== open) {
      if (open !== "true") text += "\n{{- end }}";
      if (part.condition !== "true") text += `\n{{- if ${part.condition} }}`;
      open = part.condition;
    }
    text += part.text;
  }
  return text;
}

const isMap = (value: unknown): value is { readonly [name: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Returns the items of a list by name, or by content where they have none. */
function keyedItems(items: readonly Json[]): ReadonlyMap<string, Json> {
  const keyed = new Map<string, Json>();
  for (const item of items) {
    const name = isMap(item) && typeof item.name === "string" ? item.name : JSON.stringify(item);
    let key = name;
    for (let count = 2; keyed.has(key); count++) key = `${name} ${count}`;
    keyed.set(key, item);
  }
  return keyed;
}

/**
 * Merges lists that have their common items in the same order.
 *
 * @throws Error for lists that do not
 */
function mergedOrder(lists: readonly (readonly string[])[]): readonly string[] {
  const before = new Map<string, Set<string>>();
  const distinct = new Map(lists.map((list) => [JSON.stringify(list), list]));
  for (const list of distinct.values())
    list.forEach((item, index) => {
      const found = before.get(item) ?? new Set();
      before.set(item, found);
      if (index > 0) found.add(list[index - 1] as string);
    });
  const merged = new Set<string>();
  while (merged.size < before.size) {
    const next = [...before].find(
      ([item, earlier]) => !merged.has(item) && [...earlier].every((each) => merged.has(each)),
    );
    if (next === undefined)
      throw new Error(`the items of a list have no common order: ${[...before.keys()].join(", ")}`);
    merged.add(next[0]);
  }
  return [...merged];
}
