import type { EndpointView, StatsHistory } from "@faas/core";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { AlignedData } from "uplot";
import { endpointPath, type Session } from "../../api/session.ts";
import { HISTORY_SECONDS, type LiveHistory } from "../../model/live-history.ts";
import { Chart, type Series } from "../../parts/chart.tsx";
import { formatMs, formatRate, nowSeconds } from "../../parts/format.ts";

export interface CallChartsProps {
  readonly session: Session;
  readonly view: EndpointView;
  readonly history: LiveHistory;
}

const LATENCY: readonly Series[] = [
  { label: "p50", color: "--chart-1" },
  { label: "p95", color: "--chart-2" },
  { label: "p99", color: "--chart-3" },
];
const CALLS: readonly Series[] = [
  { label: "Calls", color: "--chart-1" },
  { label: "Errors", color: "--chart-4" },
];
const RELOAD_MS = 60_000;

interface Figures {
  readonly calls: AlignedData;
  readonly latency: AlignedData;
}

/** Calls and latency over time: the last minutes by the second, or the last hour. */
export function CallCharts({ session, view: { org, endpoint }, history }: CallChartsProps) {
  const [period, setPeriod] = useState<"minutes" | "hour">("minutes");
  const past = usePast(session, endpointPath(org, endpoint, "/stats"), period === "hour");
  const now = nowSeconds();
  const figures = useMemo(
    () => (period === "hour" ? hourOf(past) : minutesOf(history, now)),
    [period, past, now, history],
  );
  const { p50Ms, p95Ms, p99Ms } = history.lastWithCalls ?? {};
  const latency = `p50 ${formatMs(p50Ms)}, p95 ${formatMs(p95Ms)}, p99 ${formatMs(p99Ms)}`;
  const rate = `${formatRate(history.rate(now))} calls/s`;
  return (
    <section>
      <h2>Calls</h2>
      <fieldset class="choice">
        <legend class="visually-hidden">Period</legend>
        {(["minutes", "hour"] as const).map((value) => (
          <label key={value}>
            <input type="radio" name="period" checked={period === value} onChange={() => setPeriod(value)} />
            {value === "minutes" ? "Live" : "Last hour"}
          </label>
        ))}
      </fieldset>
      <div class="charts">
        <figure>
          <figcaption>
            {period === "hour" ? "Calls in each five minutes" : "Calls per second"}: {rate}
          </figcaption>
          <Chart label={`Calls over time: ${rate}`} series={CALLS} data={figures.calls} unit="" />
        </figure>
        <figure>
          <figcaption>Latency: {latency}</figcaption>
          <Chart label={`Latency over time: ${latency}`} series={LATENCY} data={figures.latency} unit="ms" />
        </figure>
      </div>
    </section>
  );
}

/** Reads the figures of the last hour, again every minute. */
function usePast(session: Session, path: string, isWanted: boolean): StatsHistory | undefined {
  const [past, setPast] = useState<StatsHistory>();
  useEffect(() => {
    if (!isWanted) return;
    const load = () =>
      session.get<StatsHistory>(path).then(setPast, () => {
        // The next attempt follows.
      });
    void load();
    const timer = setInterval(load, RELOAD_MS);
    return () => clearInterval(timer);
  }, [session, path, isWanted]);
  return past;
}

function hourOf(past: StatsHistory | undefined): Figures {
  const slices = past?.slices ?? [];
  const times = slices.map(({ start }) => Date.parse(start) / 1_000);
  return {
    calls: [times, slices.map(({ requests }) => requests), slices.map(({ errors }) => errors)],
    latency: [
      times,
      slices.map(({ p50Ms }) => p50Ms ?? null),
      slices.map(({ p95Ms }) => p95Ms ?? null),
      slices.map(({ p99Ms }) => p99Ms ?? null),
    ],
  };
}

/** Seconds without a sample have no calls and no latency. */
function minutesOf({ samples }: LiveHistory, now: number): Figures {
  const first = now - HISTORY_SECONDS;
  const times = Array.from({ length: HISTORY_SECONDS }, (_, i) => first + i + 1);
  const bySecond = new Map(samples.map((sample) => [sample.second, sample]));
  const column = <T,>(value: (second: number) => T) => times.map(value);
  return {
    calls: [
      times,
      column((second) => bySecond.get(second)?.requests ?? 0),
      column((second) => bySecond.get(second)?.errors ?? 0),
    ],
    latency: [
      times,
      column((second) => bySecond.get(second)?.p50Ms ?? null),
      column((second) => bySecond.get(second)?.p95Ms ?? null),
      column((second) => bySecond.get(second)?.p99Ms ?? null),
    ],
  };
}
