import type { Checkout } from "../rig/local-server.ts";

/** Value of a measure. */
export interface Measure {
  readonly value: number;
  readonly unit: string;
  /** True where a higher value is better; a lower one is better by default. */
  readonly higherIsBetter?: boolean;
}

/** Measures of one round, by name. */
export type Measures = Readonly<Record<string, Measure>>;

/** Checkout under measurement: its servers run until it is disposed of, and each round measures them again. */
export interface Side extends AsyncDisposable {
  round(): Promise<Measures>;
}

/** Starts the servers of a checkout. */
export type Part = (checkout: Checkout) => Promise<Side>;

/** Makes a part of a function that starts servers, hands them over, and returns how a round measures them. */
export function part(
  start: (checkout: Checkout, servers: AsyncDisposableStack) => Promise<() => Promise<Measures>>,
): Part {
  return async (checkout) => {
    await using stack = new AsyncDisposableStack();
    const round = await start(checkout, stack);
    const servers = stack.move();
    return { round, [Symbol.asyncDispose]: () => servers.disposeAsync() };
  };
}

export const milliseconds = (value: number): Measure => ({ value, unit: "ms" });
export const perSecond = (value: number): Measure => ({ value, unit: "/s", higherIsBetter: true });
