#!/usr/bin/env bash
# The JavaScript CloudEvents SDK cuts `time` to milliseconds and moves it to UTC when it only forwards an event.
#
# Versions: npm cloudevents 10.0.0
# Guess:    `time` is a string attribute; an event that is read and written again has the `time` that its producer set.
# Seen:     12:00:00.123456789+02:00 becomes 10:00:00.123Z. Two events a microsecond apart get one time.
# Matters:  Go and Java producers write nanoseconds; order by `time` is lost, and a signature over the event no longer fits.
# Source:   CloudEvents 1.0.2, "time" and "Type System" (Timestamp); RFC 3339 section 5.6: time-secfrac has any number of digits.
# Needs:    bash, Node 22.19 or later, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" cloudevents@10.0.0 > /dev/null

cat > "$tmp/check.cjs" <<'EOF'
const { HTTP } = require("cloudevents");
for (const time of ["2026-01-01T12:00:00.123456789+02:00", "2026-01-01T12:00:00.123457789+02:00"]) {
  const event = HTTP.toEvent({
    headers: { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-time": time },
    body: "",
  });
  console.log(time, event.time, HTTP.binary(event).headers["ce-time"], JSON.parse(HTTP.structured(event).body).time);
}
EOF
cat > "$tmp/recorded" <<'EOF'
2026-01-01T12:00:00.123456789+02:00 2026-01-01T10:00:00.123Z 2026-01-01T10:00:00.123Z 2026-01-01T10:00:00.123Z
2026-01-01T12:00:00.123457789+02:00 2026-01-01T10:00:00.123Z 2026-01-01T10:00:00.123Z 2026-01-01T10:00:00.123Z
EOF
node "$tmp/check.cjs" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
