#!/usr/bin/env bash
# A clock change of half an hour makes cron-parser fail for an hourly job, and drop or delay others.
#
# Versions: npm cron-parser 5.10.6 (luxon 3.7.2)
# Guess:    On Lord Howe Island the clock goes from 02:00 to 01:30 in April, and from 02:00 to 02:30 in October. In April, `0 * * * *` is at 01:00 and
#           02:00, `15 2 * * *` at 02:15, and `*/15 * * * *` every 15 minutes. In October, `15 2 * * *` is later by the change, as `30 2 * * *` is in
#           Berlin on the day without 02:30, and `30 1,2 * * *` is at 01:30 and 02:30, which the clock both shows.
# Seen:     In April, `0 * * * *` and `15 2 * * *` throw "Invalid expression, loop limit exceeded", and `*/15 * * * *` has a gap of 45 minutes. In
#           October, `15 2 * * *` is dropped on that day, and `30 1,2 * * *` is at 01:30 and 03:30.
# Matters:  A scheduler that asks for the next date gets an exception for a valid expression in the night of the change, or leaves a job out silently.
# Source:   IANA time zone database, "Rule LH" in the file australasia; README of cron-parser: "handling DST transitions correctly".
# Needs:    bash, Node 22.19 or later, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" cron-parser@5.10.6 luxon@3.7.2 > /dev/null
cat > "$tmp/check.mjs" <<'EOF'
import { CronExpressionParser } from "cron-parser";
const tz = "Australia/Lord_Howe";
const local = new Intl.DateTimeFormat("sv-SE", { timeZone: tz, dateStyle: "short", timeStyle: "short" });
for (const [expression, from, count] of [
  ["0 * * * *", "2027-04-03T13:30Z", 3],
  ["15 2 * * *", "2027-04-03T13:30Z", 1],
  ["*/15 * * * *", "2027-04-03T14:15Z", 4],
  ["15 2 * * *", "2027-10-02T13:00Z", 1],
  ["30 1,2 * * *", "2027-10-02T13:00Z", 2],
]) {
  const dates = CronExpressionParser.parse(expression, { currentDate: new Date(from), tz });
  const shown = [];
  try {
    for (let i = 0; i < count; i++) {
      const date = dates.next().toDate();
      shown.push(`${local.format(date)} (${date.toISOString().slice(11, 16)}Z)`);
    }
  } catch (error) {
    shown.push(error.message);
  }
  console.log(`${expression} after ${local.format(new Date(from))}: ${shown.join(", ")}`);
}
EOF
cat > "$tmp/recorded" <<'EOF'
0 * * * * after 2027-04-04 00:30: 2027-04-04 01:00 (14:00Z), Invalid expression, loop limit exceeded
15 2 * * * after 2027-04-04 00:30: Invalid expression, loop limit exceeded
*/15 * * * * after 2027-04-04 01:15: 2027-04-04 01:30 (14:30Z), 2027-04-04 01:45 (14:45Z), 2027-04-04 02:00 (15:30Z), 2027-04-04 02:15 (15:45Z)
15 2 * * * after 2027-10-02 23:30: 2027-10-04 02:15 (15:15Z)
30 1,2 * * * after 2027-10-02 23:30: 2027-10-03 01:30 (15:00Z), 2027-10-03 03:30 (16:30Z)
EOF
(cd "$tmp" && node check.mjs) > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
