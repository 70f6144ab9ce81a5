import { isAtLeast, type LogLevel, levelOf } from "./log-level.ts";
import type { LogLine } from "./log-line.ts";

/** Statuses of calls: codes such as 404, and classes such as 5xx, separated by commas. */
const STATUSES = /^[1-5](?:[0-9]{2}|xx)(?:,[1-5](?:[0-9]{2}|xx))*$/;

/** Conditions for lines; a line has to meet all that are present. */
export interface LogFilter {
  /** Text that the line contains, in upper or lower case. */
  readonly grep?: string | undefined;
  /** Statuses of calls, as `isStatusList` accepts them; lines that are not calls have none. */
  readonly status?: string | undefined;
  readonly requestId?: string | undefined;
  /** The lowest level. */
  readonly level?: LogLevel | undefined;
}

/** Returns true for a list of statuses such as `404` or `4xx,503`. */
export const isStatusList = (text: string): boolean => STATUSES.test(text);

/** Returns a function that tells whether a status is in a list, as `isStatusList` accepts it. */
export function statusMatcher(list: string): (status: number) => boolean {
  const starts = startsOf(list);
  return (status) => startsWithOne(String(status), starts);
}

const startsOf = (list: string) => list.split(",").map((one) => one.replace("xx", ""));
const startsWithOne = (status: string, starts: readonly string[]) => starts.some((start) => status.startsWith(start));

/** Pattern of a list of statuses, for schemas. */
export const STATUS_LIST_PATTERN = STATUSES.source;

/** Returns a function that tells whether a line meets all conditions. */
export function lineMatcher({ grep, status, requestId, level }: LogFilter): (line: LogLine) => boolean {
  const text = grep?.toLowerCase();
  const statuses = status === undefined ? undefined : startsOf(status);
  return (line) => {
    if (requestId !== undefined && line.requestId !== requestId) return false;
    if (statuses !== undefined && !hasStatus(line, statuses)) return false;
    if (text !== undefined && !line.line.toLowerCase().includes(text)) return false;
    return level === undefined || isAtLeast(levelOf(line), level);
  };
}

function hasStatus({ access }: LogLine, starts: readonly string[]): boolean {
  return access !== undefined && startsWithOne(String(access.status), starts);
}
