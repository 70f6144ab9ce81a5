/**
 * Filters metrics in Prometheus' text format by organization: keeps samples whose label `org` is its name, and the comments about them. Names of
 * organizations and endpoints have no characters that label values escape.
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
