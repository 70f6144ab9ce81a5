/** One instruction of a Dockerfile. */
export interface Instruction {
  /** Begins with 1. */
  readonly line: number;
  readonly text: string;
}

/** The instructions of a Dockerfile in order: the nth is step n of Docker's builder, which says no lines. */
export function dockerfileInstructions(dockerfile: string): Instruction[] {
  // The parser directive stands before everything else.
  const [, goOn = "\\"] = /^(?:#.*\n)*?#\s*escape\s*=\s*([\\`])/i.exec(dockerfile) ?? [];
  const found: Instruction[] = [];
  let begun: { line: number; parts: string[] } | undefined;
  for (const [index, raw] of dockerfile.split(/\r?\n/).entries()) {
    const text = raw.trim();
    // Also between the lines of one instruction.
    if (text === "" || text.startsWith("#")) continue;
    begun ??= { line: index + 1, parts: [] };
    const goesOn = text.endsWith(goOn);
    begun.parts.push(goesOn ? text.slice(0, -1).trim() : text);
    if (goesOn) continue;
    found.push({ line: begun.line, text: begun.parts.join(" ") });
    begun = undefined;
  }
  if (begun) found.push({ line: begun.line, text: begun.parts.join(" ") });
  return found;
}
