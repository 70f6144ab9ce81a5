import { InvalidArgumentError, Option } from "commander";

/**
 * Parsers of option values for commander. They throw an InvalidArgumentError with the expected and the given value; program.ts puts the name of the
 * option before it.
 */

/** Returns a parser of whole numbers within bounds. */
export function integerOption(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`a whole number from ${min} to ${max}, got "${text}"`);
    }
    return value;
  };
}

/** Parses the number of prewarmed processes or warm pods. */
export const poolSizeOption = integerOption(0, 100);

/** Returns a parser that keeps the text and rejects it when `parse` cannot read it. */
export function parsedOption(parse: (text: string) => number | undefined, expected: string): (text: string) => string {
  return (text) => {
    if (parse(text) === undefined) throw new InvalidArgumentError(`${expected}, got "${text}"`);
    return text;
  };
}

/** Creates an option that stays undefined when it is not given; help shows `defaultText` as its default. */
export const optionWithLaterDefault = (flags: string, description: string, defaultText: string | number) =>
  new Option(flags, description).default(undefined, String(defaultText));
