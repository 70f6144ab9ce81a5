/** Regular expressions for quantities, such as durations and sizes, within a range: JSON Schema has no other way to express one. */

/** Decimals that bounds are rounded to, towards the inside of the range: patterns that distinguish more are long, and nobody writes such quantities. */
const DECIMALS = 3;
const SCALE = 10n ** BigInt(DECIMALS);

const DIGITS = "[0-9]*";

/** A bound: its integer part, and its fraction without trailing zeros. */
interface Decimal {
  readonly whole: bigint;
  readonly fraction: string;
}

/**
 * Builds the pattern of quantities from `min` to `max`: a decimal number and one of the units. It uses only what all regular expression engines support.
 * All quantities that match are within the range. Some that are less than a thousandth of the unit from a bound are within the range but do not match.
 *
 * @param units the size of each unit, by its suffix; the range has to include a whole number of every unit
 * @param max may be Infinity
 */
export function quantityPattern(units: Readonly<Record<string, number>>, min: number, max: number): string {
  const suffixes = new Map<string, string[]>();
  for (const [suffix, size] of Object.entries(units)) {
    const low = decimal(ceilDivide(BigInt(min) * SCALE, BigInt(size)));
    const high = max === Number.POSITIVE_INFINITY ? undefined : decimal((BigInt(max) * SCALE) / BigInt(size));
    const numbers = numbersBetween(low, high);
    suffixes.set(numbers, [...(suffixes.get(numbers) ?? []), suffix]);
  }
  const alternatives = Array.from(suffixes, ([numbers, all]) => `${numbers}${alternation(all)}`);
  return `^0*${alternation(alternatives)}$`;
}

/** Returns metadata of a schema with the pattern, which is built when a JSON Schema is: that takes a while, and most programs need none. */
export const quantityMeta = (units: Readonly<Record<string, number>>, min: number, max: number) => ({
  get pattern() {
    return quantityPattern(units, min, max);
  },
});

const ceilDivide = (dividend: bigint, divisor: bigint) => (dividend + divisor - 1n) / divisor;

function decimal(scaled: bigint): Decimal {
  const fraction = String(scaled % SCALE).padStart(DECIMALS, "0");
  return { whole: scaled / SCALE, fraction: fraction.replace(/0+$/, "") };
}

function numbersBetween(low: Decimal, high: Decimal | undefined): string {
  const alternatives: string[] = [];
  let from = low.whole;
  if (low.fraction !== "") {
    alternatives.push(String.raw`${from}\.${fractionFrom(low.fraction)}`);
    from += 1n;
  }
  if (high === undefined) alternatives.push(String.raw`${integersFrom(from)}(?:\.[0-9]+)?`);
  else {
    if (from > high.whole) throw new RangeError("Expected the range to include a whole number of each unit");
    if (high.whole > from) alternatives.push(String.raw`${integersBetween(from, high.whole - 1n)}(?:\.[0-9]+)?`);
    alternatives.push(String.raw`${high.whole}(?:\.${fractionTo(high.fraction)})?`);
  }
  return alternation(alternatives);
}

/** Digits after the point that are at least `fraction`. */
function fractionFrom(fraction: string): string {
  if (fraction === "") return DIGITS;
  const first = Number(fraction[0]);
  const equal = `${first}${fractionFrom(fraction.slice(1))}`;
  return first === 9 ? equal : alternation([`${digitRange(first + 1, 9)}${DIGITS}`, equal]);
}

/** Digits after the point that are at most `fraction`, which may be empty. */
function fractionTo(fraction: string): string {
  if (fraction === "") return "0+";
  const first = Number(fraction[0]);
  const rest = fraction.length === 1 ? "0*" : `(?:${fractionTo(fraction.slice(1))})?`;
  const equal = `${first}${rest}`;
  return first === 0 ? equal : alternation([`${digitRange(0, first - 1)}${DIGITS}`, equal]);
}

function integersFrom(low: bigint): string {
  const text = String(low);
  if (low <= 1n) return low === 0n ? "[0-9]+" : `[1-9]${DIGITS}`;
  return alternation([integersBetween(low, 10n ** BigInt(text.length) - 1n), `[1-9][0-9]{${text.length},}`]);
}

/** Integers without leading zeros: by their number of digits, of which all but the first and the last allow any. */
function integersBetween(low: bigint, high: bigint): string {
  const [from, to] = [String(low), String(high)];
  if (from.length === to.length) return alternation(digitsBetween(from, to));
  const alternatives = digitsBetween(from, "9".repeat(from.length));
  const [least, most] = [from.length, to.length - 2];
  if (least <= most) alternatives.push(`[1-9][0-9]{${least === most ? least : `${least},${most}`}}`);
  alternatives.push(...digitsBetween(`1${"0".repeat(to.length - 1)}`, to));
  return alternation(alternatives);
}

/** Numbers with the same number of digits. */
function digitsBetween(from: string, to: string): string[] {
  const count = from.length - 1;
  let [low, high] = [Number(from[0]), Number(to[0])];
  if (count === 0) return [digitRange(low, high)];
  const [fromRest, toRest] = [from.slice(1), to.slice(1)];
  if (low === high) return [`${low}${alternation(digitsBetween(fromRest, toRest))}`];
  const alternatives: string[] = [];
  const last: string[] = [];
  if (/[^0]/.test(fromRest)) {
    alternatives.push(`${low}${alternation(digitsBetween(fromRest, "9".repeat(count)))}`);
    low++;
  }
  if (/[^9]/.test(toRest)) {
    last.push(`${high}${alternation(digitsBetween("0".repeat(count), toRest))}`);
    high--;
  }
  if (low <= high) alternatives.push(`${digitRange(low, high)}[0-9]${count === 1 ? "" : `{${count}}`}`);
  return [...alternatives, ...last];
}

const digitRange = (low: number, high: number) => (low === high ? String(low) : `[${low}-${high}]`);

const alternation = (alternatives: readonly string[]) =>
  alternatives.length === 1 ? (alternatives[0] as string) : `(?:${alternatives.join("|")})`;
