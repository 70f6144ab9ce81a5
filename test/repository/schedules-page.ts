import { nextTimes, parseCron, timesBetween } from "@faas/core";

/** Tables of docs/schedules.md: the times of cron expressions around the clock changes of a year. */

const YEAR = 2027;
const HOUR_MS = 3_600_000;
/** Time that a table shows before and after a change. */
const AROUND_MS = 2 * HOUR_MS;

const INTERVALS = ["0 * * * *", "*/30 * * * *"];
const BY_NIGHT = ["30 1 * * *", "30 2 * * *", "0,30 2 * * *", "0 1-3 * * *", "0 */2 * * *", ...INTERVALS];
const AT_MIDNIGHT = ["0 0 * * *", "30 0 * * *", "0,30 0 * * *", "30 23 * * *", ...INTERVALS];
/** Expressions that the changes of each time zone affect. */
const ZONES: Readonly<Record<string, readonly string[]>> = {
  "Europe/Berlin": BY_NIGHT,
  "America/New_York": BY_NIGHT,
  "Australia/Lord_Howe": ["15 2 * * *", "45 1 * * *", "15,45 1 * * *", "0 */2 * * *", ...INTERVALS],
  "America/Santiago": AT_MIDNIGHT,
  "America/Havana": AT_MIDNIGHT,
  "Asia/Kolkata": BY_NIGHT,
};

const BEGIN = "<!-- tables: written by npm run docs -->";
const END = "<!-- end of the tables -->";

/** Returns the page with its tables replaced. */
export function schedulesPage(page: string): string {
  const [before, rest] = split(page, BEGIN);
  const [, after] = split(rest, END);
  const tables = Object.entries(ZONES).map(([zone, crons]) => zoneTable(zone, crons));
  return `${before}${BEGIN}\n\n${tables.join("\n\n")}\n\n${END}${after}`;
}

function split(text: string, mark: string): [before: string, after: string] {
  const index = text.indexOf(mark);
  if (index < 0) throw new Error(`Expected "${mark}" in docs/schedules.md`);
  return [text.slice(0, index), text.slice(index + mark.length)];
}

function zoneTable(zone: string, crons: readonly string[]): string {
  const changes = clockChanges(zone);
  // Without a change, a night is shown.
  const columns = changes.length > 0 ? changes : [{ title: "any day", atMs: firstNight(zone) }];
  const rows = crons.map((cron) => {
    const cells = columns.map(({ atMs }) => timesAround(cron, zone, atMs) || "none");
    return `| \`${cron}\` | ${cells.join(" | ")} |`;
  });
  const head = `| ${zone} | ${columns.map(({ title }) => title).join(" | ")} |`;
  return [head, `|---|${"---|".repeat(columns.length)}`, ...rows].join("\n");
}

/** Lists the times around a change as the clock shows them; the second time of a repeated one has an asterisk. */
function timesAround(cron: string, zone: string, atMs: number): string {
  const shown = timesBetween(parseCron(cron), zone, atMs - AROUND_MS - 1, atMs + AROUND_MS, 100).map((ms) => {
    const time = localTime(zone, ms);
    const isSecond = [0.5, 1].some((hours) => localTime(zone, ms - hours * HOUR_MS) === time);
    return `${time.slice(11)}${isSecond ? "\\*" : ""}`;
  });
  return shown.join(", ");
}

/** Finds the clock changes of the year, with a title such as "28 March, 02:00 becomes 03:00". */
function clockChanges(zone: string): { title: string; atMs: number }[] {
  const changes: { title: string; atMs: number }[] = [];
  const step = HOUR_MS / 2;
  for (let ms = Date.UTC(YEAR, 0); ms < Date.UTC(YEAR + 1, 0); ms += step) {
    const expected = Date.parse(`${localTime(zone, ms - step).replace(" ", "T")}Z`) + step;
    const shown = localTime(zone, ms);
    if (Date.parse(`${shown.replace(" ", "T")}Z`) === expected) continue;
    const day = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric", month: "long" }).format(ms - step);
    const instead = new Date(expected).toISOString().slice(11, 16).replace("00:00", "24:00");
    changes.push({ title: `${day}, ${instead} becomes ${shown.slice(11)}`, atMs: ms });
  }
  return changes;
}

const firstNight = (zone: string) => nextTimes(parseCron("0 2 * * *"), zone, Date.UTC(YEAR, 0), 1)[0] as number;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Formats an instant as local time, such as "2027-03-28 03:00", with the runtime's formatter. */
function localTime(timeZone: string, ms: number): string {
  const format =
    formats.get(timeZone) ?? new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" });
  formats.set(timeZone, format);
  return format.format(ms);
}
