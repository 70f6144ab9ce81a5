/** Formats a duration in milliseconds for people; "–" without one. */
export function formatMs(ms: number | undefined): string {
  if (ms === undefined) return "–";
  if (ms >= 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Number(ms.toPrecision(3))} ms`;
}

/** Formats a rate. */
export const formatRate = (perSecond: number): string =>
  perSecond === 0 ? "0" : perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond));

/** Formats a number with separators. */
export const formatCount = (count: number): string => count.toLocaleString("en");

/** Formats a time as the user's clock shows it, with the date if it is not today. */
export function formatTime(time: string): string {
  const date = new Date(time);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? date.toLocaleTimeString() : date.toLocaleString();
}

/** Formats bytes. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${Number((bytes / 1024 ** power).toPrecision(3))} ${units[power]}`;
}

/** Seconds since the epoch. */
export const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/** Characters of a body that are shown. */
export const MAX_BODY = 20_000;

/** Formats the beginning of a body; JSON with indentation. */
export const formatBody = (text: string, contentType: string): string => indented(text, contentType).slice(0, MAX_BODY);

function indented(text: string, contentType: string): string {
  if (!/\bjson\b/.test(contentType)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
