/** TOML table or JSON object of unknown shape. */
export type Table = Readonly<Record<string, unknown>>;

export const isTable = (value: unknown): value is Table =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Returns the table at a path of keys; an empty one if it is missing. */
export function tableAt(value: unknown, ...path: string[]): Table {
  let current = value;
  for (const key of path) current = isTable(current) ? current[key] : undefined;
  return isTable(current) ? current : {};
}

export const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** Returns the strings of a list; none if it is not a list. */
export const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];

/** Returns the tables of a list; none if it is not a list. */
export const tablesOf = (value: unknown): Table[] => (Array.isArray(value) ? value.filter(isTable) : []);
