/** Instruction of a Dockerfile. */
export interface Instruction {
  /** Line number, from 1. */
  readonly line: number;
  readonly text: string;
}

/** Splits a Dockerfile into instructions: the nth is step n of Docker's builder, which reports no line numbers. */
export function dockerfileInstructions(dockerfile: string): Instruction[] {
  // The parser directive precedes everything else.
  const [, escapeCharacter = "\\"] = /^(?:#.*\n)*?#\s*escape\s*=\s*([\\`])/i.exec(dockerfile) ?? [];
  const instructions: Instruction[] = [];
  let current: { line: number; parts: string[] } | undefined;
  for (const [index, raw] of dockerfile.split(/\r?\n/).entries()) {
    const text = raw.trim();
    // Comments may also be between the lines of an instruction.
    if (text === "" || text.startsWith("#")) continue;
    current ??= { line: index + 1, parts: [] };
    const continues = text.endsWith(escapeCharacter);
    current.parts.push(continues ? text.slice(0, -1).trim() : text);
    if (continues) continue;
    instructions.push({ line: current.line, text: current.parts.join(" ") });
    current = undefined;
  }
  if (current) instructions.push({ line: current.line, text: current.parts.join(" ") });
  return instructions;
}
