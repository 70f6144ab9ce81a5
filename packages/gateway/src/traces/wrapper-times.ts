/** Times from a wrapper, in milliseconds since the epoch. */
export interface Interval {
  readonly began: number;
  readonly ended: number;
}

/** Times that a wrapper reports of a call (docs/wrapper-protocol.md, "Traces"). */
export interface WrapperTimes {
  /** From the call of the function until its result. */
  readonly handler: Interval;
  /** Loading of the function's code. */
  readonly load: Interval | undefined;
}

const NUMBER = String.raw`(\d{1,16}(?:\.\d{1,6})?)`;
const TIMES = new RegExp(`^handler=${NUMBER}\\+${NUMBER}(?:,load=${NUMBER}\\+${NUMBER})?$`);

/** Parses `handler=BEGAN+DURATION,load=BEGAN+DURATION`; `undefined` for anything else: a function that is not behind the wrapper may send it. */
export function parseWrapperTimes(text: string): WrapperTimes | undefined {
  const [, began, duration, loadBegan, loadDuration] = TIMES.exec(text) ?? [];
  if (began === undefined) return undefined;
  const load = loadBegan === undefined ? undefined : interval(loadBegan, loadDuration);
  return { handler: interval(began, duration), load };
}

const interval = (began: string, duration = "0"): Interval => ({
  began: Number(began),
  ended: Number(began) + Number(duration),
});

/** Moves an interval into another one, and shortens it if it is longer: the clock of another machine may differ by more than a call takes. */
export function within({ began, ended }: Interval, outer: Interval): Interval {
  const length = Math.min(ended - began, outer.ended - outer.began);
  const first = Math.min(Math.max(began, outer.began), outer.ended - length);
  return { began: first, ended: first + length };
}
