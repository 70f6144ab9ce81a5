import { type CanaryRequest, canaryRequestSchema, canaryStepsProblem, FaasError, validate } from "@faas/core";
import { type Command, InvalidArgumentError } from "commander";
import { optionWithLaterDefault } from "./value-parsers.ts";

/** Options of a canary as commander returns them. */
export interface CanaryOptions {
  /** Percentages; false for `--no-canary`. */
  readonly canary?: readonly number[] | false;
  readonly every?: string;
  readonly maxErrorRate?: number;
  readonly maxP95?: number;
  readonly canaryTimeout?: string;
  readonly sticky?: string;
}

/** Adds the options of a canary. */
export function addCanaryOptions(command: Command): void {
  command
    .option("--canary <shares>", "Move the calls to the new revision in steps, such as 5%,25%,100%", stepsOf)
    .option("--no-canary", "Deploy at once, although faas.json has a canary")
    .addOption(
      optionWithLaterDefault("--every <duration>", "With --canary: shortest time of a step", "2m").argParser(
        field("every"),
      ),
    )
    .addOption(
      optionWithLaterDefault(
        "--max-error-rate <percent>",
        "With --canary: points by which more calls may fail than those of the old revision",
        "1%",
      ).argParser(numberField("maxErrorRate", /^(\d+(?:\.\d+)?)%?$/, "a percentage such as 1%")),
    )
    .addOption(
      optionWithLaterDefault(
        "--max-p95 <factor>",
        "With --canary: how many times the old revision's p95 its own may be",
        "1.5x",
      ).argParser(numberField("maxP95", /^(\d+(?:\.\d+)?)x?$/, "a factor such as 1.5x")),
    )
    .addOption(
      optionWithLaterDefault(
        "--canary-timeout <duration>",
        "With --canary: time after which a step with too few calls goes back",
        "1d",
      ).argParser(field("timeout")),
    )
    .option(
      "--sticky <key>",
      "With --canary: keep callers at their revision, by cookie or header:NAME",
      field("sticky"),
    );
}

/**
 * Merges the canary that options and `faas.json` describe; undefined for a deployment without one.
 *
 * @throws USAGE
 */
export function canaryOf(
  options: CanaryOptions & { readonly preview?: boolean },
  inProject: CanaryRequest | undefined,
): CanaryRequest | undefined {
  const { canary, every, maxErrorRate, maxP95, canaryTimeout: timeout, sticky, preview = false } = options;
  const given = Object.entries({ every, maxErrorRate, maxP95, timeout, sticky }).filter(
    ([, value]) => value !== undefined,
  );
  const isOff = canary === false || (preview && canary === undefined);
  const steps = isOff ? undefined : canary || inProject?.steps;
  if (preview && steps !== undefined)
    throw new FaasError("USAGE", "`--preview` deploys without a share of the calls: omit `--canary`");
  if (steps === undefined) {
    if (given.length === 0) return undefined;
    throw new FaasError(
      "USAGE",
      "`--every`, `--max-error-rate`, `--max-p95`, `--canary-timeout` and `--sticky` are for `--canary`",
    );
  }
  return validate(
    canaryRequestSchema,
    { ...inProject, ...Object.fromEntries(given), steps: [...steps] },
    "the canary",
    "USAGE",
  );
}

function stepsOf(text: string): readonly number[] {
  const texts = text.split(",").map((each) => /^\s*(\d+(?:\.\d+)?)\s*%?\s*$/.exec(each)?.[1]);
  const steps = texts.map((each) => (each === undefined ? Number.NaN : Number(each)));
  if (steps.some(Number.isNaN)) throw new InvalidArgumentError(`percentages such as 5%,25%,100%, got "${text}"`);
  const problem = canaryStepsProblem(steps);
  if (problem !== undefined) throw new InvalidArgumentError(problem.replace(/^expected /, ""));
  return steps;
}

type Field = "every" | "timeout" | "sticky" | "maxErrorRate" | "maxP95";

/** Checks a value by the schema of a field. */
function check(name: Field, value: unknown, text: string): void {
  const [issue] = canaryRequestSchema.shape[name].safeParse(value).error?.issues ?? [];
  if (issue === undefined) return;
  const expected = issue.message.replace(/^(expected|Invalid input: expected) /, "");
  throw new InvalidArgumentError(expected.includes(", got ") ? expected : `${expected}, got "${text}"`);
}

function field(name: Field): (text: string) => string {
  return (text) => {
    check(name, text, text);
    return text;
  };
}

function numberField(name: Field, pattern: RegExp, expected: string): (text: string) => number {
  return (text) => {
    const [, digits] = pattern.exec(text) ?? [];
    if (digits === undefined) throw new InvalidArgumentError(`${expected}, got "${text}"`);
    check(name, Number(digits), text);
    return Number(digits);
  };
}
