#!/usr/bin/env bash
# A step from a weekday includes Sunday for cron-parser and not for Kubernetes.
#
# Versions: npm cron-parser 5.10.6; PyPI croniter 7.0.0; Go github.com/robfig/cron/v3 v3.0.1 (CronJob of Kubernetes)
# Guess:    `1/2` in the weekday field means every second day from Monday to the end of the week: Monday, Wednesday, Friday.
# Seen:     croniter and robfig/cron: 1, 3, 5. cron-parser counts up to 7, which is Sunday again: 1, 3, 5, 7. So does `3/2`; and `5/1`
#           is Friday to Sunday there, Friday and Saturday elsewhere.
# Matters:  A schedule checked with cron-parser (its next dates shown) runs on other days as a CronJob, and the other way round.
# Source:   robfig/cron, "Slashes" (N/step is N-MAX/step); crontab(5), where weekdays are 0-7 and both 0 and 7 are Sunday.
# Needs:    bash, Node 22.19 or later, npm, Python 3.11 or later, Go 1.24 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" cron-parser@5.10.6 > /dev/null
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check croniter==7.0.0
mkdir "$tmp/go"
cat > "$tmp/go/main.go" <<'EOF'
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/robfig/cron/v3"
)

func main() {
	for _, expression := range os.Args[1:] {
		schedule, err := cron.ParseStandard(expression)
		if err != nil {
			panic(err)
		}
		fmt.Print("robfig/cron ", expression, ":")
		next := time.Date(2026, 1, 4, 12, 0, 0, 0, time.UTC)
		for end := next.AddDate(0, 0, 7); ; {
			if next = schedule.Next(next); next.After(end) {
				break
			}
			fmt.Print(" ", next.Format("Mon"))
		}
		fmt.Println()
	}
}
EOF
(cd "$tmp/go" && go mod init example > go.log 2>&1 && go get github.com/robfig/cron/v3@v3.0.1 >> go.log 2>&1 && go build -o next . >> go.log 2>&1) || { cat "$tmp/go/go.log"; exit 1; }

cat > "$tmp/check.mjs" <<'EOF'
import { CronExpressionParser } from "cron-parser";
for (const expression of process.argv.slice(2)) {
  const start = new Date("2026-01-04T12:00:00Z");
  const dates = CronExpressionParser.parse(expression, { currentDate: start, endDate: new Date(+start + 7 * 86_400_000), tz: "UTC" });
  const days = [];
  while (dates.hasNext()) days.push(dates.next().toDate().toUTCString().slice(0, 3));
  console.log(`cron-parser ${expression}: ${days.join(" ")}`);
}
EOF
cat > "$tmp/check.py" <<'EOF'
import datetime, sys
from croniter import croniter
for expression in sys.argv[1:]:
    start = datetime.datetime(2026, 1, 4, 12)
    dates, days = croniter(expression, start), []
    while (date := dates.get_next(datetime.datetime)) <= start + datetime.timedelta(days=7):
        days.append(date.strftime("%a"))
    print(f"croniter {expression}: {' '.join(days)}")
EOF
cat > "$tmp/recorded" <<'EOF'
cron-parser 0 8 * * 1/2: Mon Wed Fri Sun
cron-parser 0 8 * * 5/1: Fri Sat Sun
croniter 0 8 * * 1/2: Mon Wed Fri
croniter 0 8 * * 5/1: Fri Sat
robfig/cron 0 8 * * 1/2: Mon Wed Fri
robfig/cron 0 8 * * 5/1: Fri Sat
EOF
expressions=("0 8 * * 1/2" "0 8 * * 5/1")
{
  (cd "$tmp" && node check.mjs "${expressions[@]}")
  "$tmp/venv/bin/python" "$tmp/check.py" "${expressions[@]}"
  "$tmp/go/next" "${expressions[@]}"
} > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
