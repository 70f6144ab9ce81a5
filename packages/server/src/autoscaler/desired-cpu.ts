/** Requests of an endpoint at one moment. */
export interface CpuSample {
  /** Requests in flight and waiting. */
  readonly requests: number;
  /** Ready replicas. */
  readonly replicas: number;
}

/** Bounds of the CPU limit of a replica. */
export interface CpuPolicy {
  /** Limit in the endpoint's settings, which it has without load. */
  readonly baseMillis: number;
  /** Limit that load may raise it to. */
  readonly maxMillis: number;
}

/** CPU of the replicas of an endpoint, and the load since its last change. */
export interface CpuState {
  readonly limitMillis: number;
  /** Limit for which the platform reserves resources. */
  readonly reservedMillis: number;
  /** Time of the last change of the limit. */
  readonly changedMs: number;
  /** Times of the last rise and fall. */
  readonly roseMs: number;
  readonly fellMs: number;
  /** Time after a change until the limit may fall. */
  readonly calmMs: number;
  /** Average requests per replica in each of the last seconds since the last change, oldest first. */
  readonly seconds: readonly number[];
  /** Sum and number of the samples of the present second, and its begin. */
  readonly sum: number;
  readonly count: number;
  readonly secondMs: number;
}

/** Requests at a replica from which its limit rises: another request waits for the CPU. One at a time is served as the settings say. */
export const RISE_REQUESTS = 1.5;
const STEP_MILLIS = 10;
/** Time between two rises: several gateways may report the same burst. */
const MIN_RISE_INTERVAL_MS = 50;
/** Time after a change until the limit may fall; twice as long after each fall that was too early, up to the maximum. */
const MIN_CALM_MS = 10_000;
const MAX_CALM_MS = 160_000;
/** Utilization of the CPU after a fall. */
const TARGET_UTILIZATION = 0.5;
/** Smallest fall, as a factor. */
const MIN_FALL = 1.5;
const SECOND_MS = 1_000;
/** Number of seconds whose average a fall follows: the higher one of their two halves, so that a load that has just ended does not count by half. */
const FALL_SECONDS = 10;
/** Factor between what the two halves need up to which the load counts as steady. */
const STEADY = 1.1;
/** Number of seconds in which a raised limit has been needed before resources are reserved for it. */
const RESERVE_SECONDS = 2;

/** Returns the state of an endpoint without load. */
export const cpuAtRest = ({ baseMillis }: CpuPolicy, now: number): CpuState => ({
  limitMillis: baseMillis,
  reservedMillis: baseMillis,
  changedMs: Number.NEGATIVE_INFINITY,
  roseMs: Number.NEGATIVE_INFINITY,
  fellMs: Number.NEGATIVE_INFINITY,
  calmMs: MIN_CALM_MS,
  ...noLoad(now),
});

const noLoad = (now: number) => ({ seconds: [], sum: 0, count: 0, secondMs: now });

/**
 * Returns the CPU limit that the load needs, and for how much of it the platform should reserve resources. `now` is in milliseconds.
 *
 * The limit rises at once, in proportion to the requests at a replica: where the CPU is idle, that costs nothing. It falls after a calm time to what the
 * average load needs: n requests on average use n / (1 + n) of the CPU, if the CPU is what they wait for (M/M/1). The reservation takes room from other
 * pods, and follows a limit that has been needed for a while.
 */
export function desiredCpu(before: CpuState, sample: CpuSample, policy: CpuPolicy, now: number): CpuState {
  const { baseMillis } = policy;
  const maxMillis = Math.max(baseMillis, policy.maxMillis);
  const clamp = (millis: number) =>
    Math.min(maxMillis, Math.max(baseMillis, Math.ceil(millis / STEP_MILLIS) * STEP_MILLIS));
  const load = sample.requests / Math.max(1, sample.replicas);
  const state = withSample(before, load, now);
  const current = clamp(state.limitMillis);
  const isAtRest = current === baseMillis && now - state.changedMs >= MAX_CALM_MS;
  const calmMs = isAtRest ? MIN_CALM_MS : state.calmMs;

  const mayRise = now - state.changedMs >= MIN_RISE_INTERVAL_MS;
  const risen = load > RISE_REQUESTS && mayRise ? clamp(current * load) : current;
  if (risen !== state.limitMillis) {
    const fellTooEarly = risen > state.limitMillis && now - state.fellMs < calmMs;
    const nextCalmMs = fellTooEarly ? Math.min(MAX_CALM_MS, calmMs * 2) : calmMs;
    const roseMs = risen > state.limitMillis ? now : state.roseMs;
    return { ...changed(state, risen, now), roseMs, calmMs: nextCalmMs };
  }
  const half = FALL_SECONDS / 2;
  const earlier = clamp(neededMillis(state, 0, half));
  const later = clamp(neededMillis(state, half, FALL_SECONDS));
  const needed = Math.max(earlier, later);
  const isSmaller = (than: number) => needed * MIN_FALL <= than || (needed === baseMillis && needed < than);
  // A load that is still decreasing will soon need even less.
  if (state.seconds.length === FALL_SECONDS && earlier <= later * STEADY) {
    if (now - state.changedMs >= calmMs && isSmaller(current))
      return { ...changed(state, needed, now), fellMs: now, calmMs };
    if (isSmaller(state.reservedMillis)) return { ...state, calmMs, reservedMillis: needed };
  }
  const isLasting = state.seconds.length >= RESERVE_SECONDS && recentLoad(state) >= 1;
  if (isLasting && state.reservedMillis < current) return { ...state, calmMs, reservedMillis: current };
  return { ...state, calmMs };
}

/** Returns the requests per replica that the last seconds since the last change had at least. */
export const recentLoad = ({ seconds }: CpuState): number => Math.min(...seconds.slice(-RESERVE_SECONDS));

/** Returns the limit that the average load of some of the last seconds needs. */
function neededMillis({ limitMillis, seconds }: CpuState, from: number, to: number): number {
  const average = mean(seconds.slice(from, to));
  return (limitMillis * average) / (1 + average) / TARGET_UTILIZATION;
}

function withSample(state: CpuState, load: number, now: number): CpuState {
  const sum = state.sum + load;
  const count = state.count + 1;
  if (now - state.secondMs < SECOND_MS) return { ...state, sum, count };
  return { ...state, ...noLoad(now), seconds: [...state.seconds, sum / count].slice(-FALL_SECONDS) };
}

/** Changes the limit, and starts the averages again: the load at another limit says little about this one. */
const changed = (state: CpuState, limitMillis: number, now: number): CpuState => ({
  ...state,
  ...noLoad(now),
  limitMillis,
  reservedMillis: Math.min(state.reservedMillis, limitMillis),
  changedMs: now,
});

const mean = (values: readonly number[]) =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
