/** Commands and options that delete or stop something, or skip the question before. */
const DESTRUCTIVE = new Set(["down", "drop", "logout", "remove", "revoke", "rm", "uninstall", "--all", "--yes"]);

/** Removes destructive commands and options from commander's "Did you mean …?": a typing error must not lead to one. */
export function withoutDestructiveSuggestions(message: string): string {
  return message.replace(/\n\(Did you mean (?:one of )?(.+)\?\)/, (_, names: string) => {
    const safe = names.split(", ").filter((name) => !DESTRUCTIVE.has(name));
    if (safe.length === 0) return "";
    return `\n(Did you mean ${safe.length > 1 ? "one of " : ""}${safe.join(", ")}?)`;
  });
}
