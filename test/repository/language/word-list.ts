import { hidden } from "./text.ts";

/** Row of the word list: phrases to avoid, with what to write instead. */
export interface BannedPhrase {
  readonly pattern: RegExp;
  readonly advice: string;
  /** Longer phrases in which the banned one is fine. */
  readonly allowed: RegExp | undefined;
}

/** Position of a banned phrase in a text. */
export interface PhraseMatch {
  readonly position: number;
  readonly phrase: string;
  readonly advice: string;
}

/** Reads the table that follows `<!-- words -->` in STYLEGUIDE.md. */
export function readWordList(styleGuide: string): BannedPhrase[] {
  const [, table = ""] = /<!-- words -->\n((?:\|.*\n)+)/.exec(styleGuide) ?? [];
  const rows = table.split("\n").filter(Boolean).slice(2);
  return rows.map((row) => {
    const [, avoid = "", advice = "", allowed = ""] = row.split("|").map((cell) => cell.trim());
    return { pattern: phrases(avoid), advice, allowed: allowed === "" ? undefined : phrases(allowed) };
  });
}

/** Finds every banned phrase; what {@link hidden} covers is not searched. */
export function findPhrases(text: string, words: readonly BannedPhrase[]): PhraseMatch[] {
  return words.flatMap(({ pattern, advice, allowed }) => {
    const searched = allowed ? text.replaceAll(allowed, (phrase) => hidden.repeat(phrase.length)) : text;
    return [...searched.matchAll(pattern)].map((match) => ({
      position: match.index,
      phrase: match[0].replaceAll(/\s+/g, " "),
      advice,
    }));
  });
}

/** Compiles a comma-separated cell: whole words, any white space between them, "…" for one or two words. */
function phrases(cell: string): RegExp {
  const alternatives = cell.split(",").map((phrase) =>
    phrase
      .trim()
      .replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")
      .replaceAll(/\s*…\s*/g, "(?:\\s+[\\w'-]+){1,2} ")
      .replaceAll(" ", "\\s+"),
  );
  return new RegExp(`(?<![\\w-])(?:${alternatives.join("|")})(?![\\w-])`, "gi");
}
