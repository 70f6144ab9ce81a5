import fc from "fast-check";

/** Range of the surrogates, which are not characters. */
const SURROGATES = { first: 0xd800, count: 0x800 };
const MAX_CODE_POINT = 0x10ffff;

/** Character with any code point. The unit "binary" of fast-check builds a table of all of them, which takes a second. */
const codePoint = fc.nat(MAX_CODE_POINT - SURROGATES.count).map(
  (n) => String.fromCodePoint(n < SURROGATES.first ? n : n + SURROGATES.count),
  (character) => {
    if (typeof character !== "string" || [...character].length !== 1) throw new Error("Expected one character");
    const code = character.codePointAt(0) as number;
    return code < SURROGATES.first ? code : code - SURROGATES.count;
  },
);

/** Generates text of any characters. */
export const anyText = (constraints: Omit<fc.StringConstraints, "unit"> = {}): fc.Arbitrary<string> =>
  fc.string({ ...constraints, unit: codePoint });
