/**
 * Of metrics in Prometheus' text format, those of one organization: samples whose label `org` it is, with what explains them. Names of
 * organizations and endpoints have no characters that a label's value escapes.
 */
export function metricsOf(org: string, text: string): string {
  const label = new RegExp(`^\\w+\\{(?:\\w+="[^"]*",)*org="${org}"[,}]`);
  const blocks = text.split(/^(?=# HELP )/m);
  return blocks
    .flatMap((block) => {
      const lines = block.split("\n");
      const own = lines.filter((line) => label.test(line));
      return own.length === 0 ? [] : [...lines.filter((line) => line.startsWith("#")), ...own];
    })
    .map((line) => `${line}\n`)
    .join("");
}
