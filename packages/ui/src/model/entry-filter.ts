import type { EndpointEntry } from "./server-model.ts";

/** Orders of the list, each with its name for people and a comparison. */
export const orders = {
  name: { label: "Name", compare: () => 0 },
  calls: { label: "Most calls", compare: (a, b) => (b.stats?.requests ?? 0) - (a.stats?.requests ?? 0) },
  errors: { label: "Most errors", compare: (a, b) => (b.stats?.errors ?? 0) - (a.stats?.errors ?? 0) },
  slow: { label: "Slowest (p95)", compare: (a, b) => (b.stats?.p95Ms ?? 0) - (a.stats?.p95Ms ?? 0) },
  state: { label: "Failed first", compare: (a, b) => rank(a) - rank(b) },
} as const satisfies Record<string, { label: string; compare(a: EndpointEntry, b: EndpointEntry): number }>;
export type Order = keyof typeof orders;

const PHASES = ["failed", "deploying", "starting", "ready", "idle"];
const rank = ({ view }: EndpointEntry) => PHASES.indexOf(view.phase);

export interface EntryFilter {
  /** Words that the name contains, or the state is. */
  readonly text: string;
  /** Empty: all. */
  readonly org: string;
  readonly order: Order;
}

/** Returns the entries that meet the conditions, in order. */
export function filterEntries(entries: Iterable<EndpointEntry>, { text, org, order }: EntryFilter): EndpointEntry[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [...entries].filter(
    ({ key, view }) =>
      (org === "" || view.org === org) && words.every((word) => key.includes(word) || view.phase === word),
  );
  const { compare } = orders[order];
  return found.sort((a, b) => compare(a, b) || (a.key < b.key ? -1 : 1));
}
