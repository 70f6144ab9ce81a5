/** Parses and formats the quantities that users write: durations (`300ms 30s 5m 1h`), sizes (`128Mi`) and CPU (`100m`, `0.5`). */

/** Milliseconds of each unit of a duration. */
export const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** Bytes of each unit of a size. */
export const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  k: 1e3,
  M: 1e6,
  G: 1e9,
};
/** Thousandths of a core of each unit of a CPU quantity. */
export const CPU_UNITS: Readonly<Record<string, number>> = { m: 1, "": 1000 };

/** Parses a duration such as `300ms`, `30s`, `5m`, `1.5h` or `2d` to milliseconds; undefined when malformed. */
export function parseDuration(text: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  return digits === undefined || unit === undefined
    ? undefined
    : Math.round(Number(digits) * (DURATION_UNITS[unit] as number));
}

/** Formats milliseconds in the largest unit that is exact: 90000 is `90s`, 300000 is `5m`. */
export function formatDuration(ms: number): string {
  for (const unit of ["d", "h", "m", "s"]) {
    const size = DURATION_UNITS[unit] as number;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** Parses a size such as `128Mi`, `1Gi`, `500k` or a plain number (Kubernetes' resource quantities) to bytes; undefined when malformed. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|k|M|G|)$/.exec(text) ?? [];
  return digits === undefined || unit === undefined
    ? undefined
    : Math.round(Number(digits) * (SIZE_UNITS[unit] as number));
}

/** Formats bytes in the largest binary unit that is exact: 134217728 is `128Mi`. */
export function formatSize(bytes: number): string {
  for (const unit of ["Gi", "Mi", "Ki"]) {
    const size = SIZE_UNITS[unit] as number;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

/** Parses a CPU quantity such as `100m`, `1` or `0.5` to thousandths of a core; undefined when malformed. */
export function parseCpu(text: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(m|)$/.exec(text) ?? [];
  return digits === undefined ? undefined : Math.round(Number(digits) * (CPU_UNITS[unit ?? ""] as number));
}
