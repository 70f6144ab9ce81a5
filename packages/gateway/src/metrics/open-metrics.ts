/** Content type of OpenMetrics 1.0. */
export const OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** Tells whether a client prefers OpenMetrics, by its header `Accept`: Prometheus names it only if it understands it. */
export const acceptsOpenMetrics = (accept: string | undefined): boolean =>
  accept !== undefined && /\bapplication\/openmetrics-text\b/i.test(accept);

const COUNTER_SUFFIX = "_total";
/** Names of metric families whose type says what their names have to end with. */
const METADATA = /^# (HELP|TYPE) (\S+) (.*)$/;

/**
 * Converts metrics in Prometheus' text format 0.0.4 to OpenMetrics 1.0: the name of a counter's family has no `_total`, there are no empty lines, and the end
 * is marked.
 *
 * @param text may have exemplars, which OpenMetrics alone allows
 */
export function toOpenMetrics(text: string): string {
  const lines = text.split("\n").filter((line) => line !== "");
  const counters = new Set(lines.flatMap((line) => /^# TYPE (\S+)_total counter$/.exec(line)?.[1] ?? []));
  const converted = lines.map((line) => {
    const [, keyword, name = "", value] = METADATA.exec(line) ?? [];
    if (keyword === undefined) return line;
    const family = name.endsWith(COUNTER_SUFFIX) ? name.slice(0, -COUNTER_SUFFIX.length) : name;
    if (counters.has(family)) return `# ${keyword} ${family} ${value}`;
    // A counter must have the suffix.
    return keyword === "TYPE" && value === "counter" ? `# TYPE ${name} unknown` : line;
  });
  return `${converted.join("\n")}\n# EOF\n`;
}
