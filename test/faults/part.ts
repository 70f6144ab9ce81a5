import type { PlatformName } from "./served.ts";

/** Settings of a part: each file in `parts/` exports `run`, and causes one kind of fault. */
export interface FaultOptions {
  /** True for the number of faults that docs/faults.md lists; false for a short form that every test run includes. */
  readonly long: boolean;
  /** Seed of all random choices. */
  readonly seed: number;
  print(line: string): void;
  /** Duration of the soak test, and of the part about schedules. */
  readonly minutes?: number;
  /** Platforms to test; all that this machine has without it. */
  readonly platforms?: readonly PlatformName[];
  /** Names of the faults to cause, for a part that has several; all without it. */
  readonly faults?: readonly string[];
  /** Value of `faas install --gateways`, for a part that installs a server. */
  readonly gateways?: string;
}

/** Row of the table. */
export interface FaultRow {
  readonly what: string;
  /** Number of faults that were caused. */
  readonly faults: number;
  /** Size of the workload in the meantime, in the unit that `of` names. */
  readonly tried: number;
  readonly of: string;
  /** Number of broken promises. */
  readonly lost: number;
  /** Further observations. */
  readonly seen?: string;
}

/** Outcome of a part. */
export interface FaultResult {
  readonly tried: number;
  readonly lost: number;
  readonly rows: readonly FaultRow[];
}

/** Function that each part exports. */
export type Run = (options: FaultOptions) => Promise<FaultResult>;

/** Module of a part. */
export interface Part {
  readonly run: Run;
  /** True if docs/faults.md has a table for this part alone. */
  readonly hasOwnTable?: boolean;
}

/** Prints the rows and sums them up. */
export function resultOf(rows: readonly FaultRow[], print: FaultOptions["print"]): FaultResult {
  for (const row of rows) print(rowText(row));
  return {
    tried: rows.reduce((sum, { tried }) => sum + tried, 0),
    lost: rows.reduce((sum, { lost }) => sum + lost, 0),
    rows,
  };
}

const rowText = ({ what, faults, tried, of, lost, seen }: FaultRow) =>
  `${what}: ${faults} faults, ${tried} ${of}, ${lost} lost${seen ? `; ${seen}` : ""}`;
