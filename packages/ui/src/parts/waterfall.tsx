import type { CallStage } from "@faas/core";
import { formatMs } from "./format.ts";

export interface WaterfallProps {
  /** Description of the whole, for people who do not see it. */
  readonly label: string;
  readonly stages: readonly CallStage[];
  /** Duration that fills a bar. */
  readonly totalMs: number;
}

/** Stages that have a color of their own. */
const CLASSES: Readonly<Record<string, string>> = {
  "cold start": "cold",
  queue: "queue",
  "lost attempts": "lost",
  "response body": "body",
};
/** Width of the shortest bar in percent. */
const MIN_WIDTH = 0.6;

/** Stages one below the other, each with a bar on a common scale. */
export function Waterfall({ label, stages, totalMs }: WaterfallProps) {
  const percent = (ms: number) => (totalMs <= 0 ? 0 : Math.min(100, (ms / totalMs) * 100));
  return (
    <table class="waterfall" aria-label={label}>
      <thead class="visually-hidden">
        <tr>
          <th scope="col">Stage</th>
          <th scope="col">Begin</th>
          <th scope="col">Duration</th>
        </tr>
      </thead>
      <tbody>
        {stages.map(({ name, of, startMs, durationMs }) => {
          const width = Math.max(MIN_WIDTH, percent(durationMs));
          const style = { left: `${Math.min(percent(startMs), 100 - width)}%`, width: `${width}%` };
          return (
            <tr key={`${of} ${name}`}>
              <th scope="row" class={of === undefined ? undefined : "part"}>
                {name}
              </th>
              <td class="track">
                <span class="visually-hidden">{formatMs(startMs)}</span>
                <span class={`bar ${CLASSES[of ?? name] ?? ""} ${of === undefined ? "" : "part"}`} style={style} />
              </td>
              <td class="number">{formatMs(durationMs)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
