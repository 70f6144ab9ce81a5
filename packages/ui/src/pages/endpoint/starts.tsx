import type { CallStage, CloudEvent, StartStage } from "@faas/core";
import { startIntervals } from "@faas/core/start-intervals";
import { formatMs, formatTime } from "../../parts/format.ts";
import { Waterfall } from "../../parts/waterfall.tsx";

/** Data of `faas.replica.ready`. */
interface Start {
  readonly replica: string;
  readonly revision: string;
  readonly startMs?: number;
  readonly stages?: readonly StartStage[];
}

const MAX_STARTS = 10;

/** Starts of replicas that the server remembers, the newest first, with their stages. */
export function Starts({ events }: { readonly events: readonly CloudEvent[] }) {
  const starts = events.filter(({ type, data }) => type === "faas.replica.ready" && data.stages !== undefined);
  const shown = starts.slice(0, MAX_STARTS);
  const times = shown.map(({ data }) => (data as unknown as Start).startMs ?? 0);
  const longest = Math.max(0, ...times);
  return (
    <section>
      <h2>Recent starts</h2>
      {shown.length === 0 && <p class="muted">None since the server started.</p>}
      {shown.map(({ id, time, data }, index) => (
        <StartView key={id} time={time} start={data as unknown as Start} longestMs={longest} isOpen={index === 0} />
      ))}
    </section>
  );
}

interface StartViewProps {
  readonly time: string;
  readonly start: Start;
  /** Duration that fills a bar. */
  readonly longestMs: number;
  readonly isOpen: boolean;
}

function StartView({ time, start: { replica, startMs, stages = [] }, longestMs, isOpen }: StartViewProps) {
  const parts: CallStage[] = startIntervals(stages, 0, startMs ?? 0).map(({ stage, began, ended }) => ({
    ...{ name: stage, startMs: began, durationMs: ended - began },
  }));
  return (
    <details open={isOpen}>
      <summary>
        <time dateTime={time}>{formatTime(time)}</time> <code>{replica}</code> in {formatMs(startMs)}
      </summary>
      <Waterfall label={`Start of ${replica}`} stages={parts} totalMs={longestMs} />
    </details>
  );
}
