import type { FaultOptions, FaultRow } from "../part.ts";

/** A fault of warm pods or of replicas' CPU, which a part causes many times. */
export interface PoolFault {
  /** Name for `--fault`. */
  readonly name: string;
  /** Causes the fault, and counts what was lost. An empty list: this cluster cannot have it. */
  run(options: FaultOptions): Promise<readonly FaultRow[]>;
}

/** Runs the chosen faults one after another; one that cannot be carried out counts as lost. */
export async function runFaults(faults: readonly PoolFault[], options: FaultOptions): Promise<readonly FaultRow[]> {
  const rows: FaultRow[] = [];
  for (const { name, run } of faults) {
    if (options.faults?.includes(name) === false) continue;
    try {
      rows.push(...(await run(options)));
    } catch (error) {
      options.print(`${name}: ${(error as Error).stack}`);
      rows.push({ what: name, faults: 0, tried: 0, of: "part failed", lost: 1 });
    }
  }
  return rows;
}

/** Counts how often something happened, by its name. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** Returns the numbers as a text, such as "4 while it loaded, 2 afterwards". */
  text(): string {
    return [...this.#counts].map(([name, count]) => `${count} ${name}`).join(", ");
  }
}
