#!/usr/bin/env bash
# The JavaScript CloudEvents SDK loses data that is 0, false or "" in structured mode.
#
# Versions: npm cloudevents 10.0.0 (PyPI cloudevents 1.12.0 for comparison)
# Guess:    `data` of the JSON format is any JSON value: {"data": 0} is an event with the data 0.
# Seen:     Reading drops `data` when it is 0, false or "" and keeps every other value; the event looks as if it had none.
#           The Python SDK keeps 0 and false (and loses "").
# Matters:  A counter at zero or a switch that is off arrives as "no data", with no error on either side.
# Source:   CloudEvents JSON event format 1.0.2, section 3.1 "Handling of data": the member may hold any JSON value.
# Needs:    bash, Node 22.19 or later, npm, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" cloudevents@10.0.0 > /dev/null
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check cloudevents==1.12.0

cat > "$tmp/check.cjs" <<'EOF'
const { HTTP } = require("cloudevents");
for (const data of [0, false, "", 1, true, "x"]) {
  const event = HTTP.toEvent({
    headers: { "content-type": "application/cloudevents+json" },
    body: JSON.stringify({ specversion: "1.0", id: "1", source: "/s", type: "t", datacontenttype: "application/json", data }),
  });
  console.log("npm", JSON.stringify(data), "->", JSON.stringify(event.data) ?? "absent", "data" in JSON.parse(HTTP.structured(event).body));
}
EOF
cat > "$tmp/check.py" <<'EOF'
import json
from cloudevents.http import from_http
for data in (0, False, "", 1):
    body = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "datacontenttype": "application/json", "data": data}
    event = from_http({"content-type": "application/cloudevents+json"}, json.dumps(body))
    print("PyPI", json.dumps(data), "->", "absent" if event.data is None else json.dumps(event.data))
EOF
cat > "$tmp/recorded" <<'EOF'
npm 0 -> absent false
npm false -> absent false
npm "" -> absent false
npm 1 -> 1 true
npm true -> true true
npm "x" -> "x" true
PyPI 0 -> 0
PyPI false -> false
PyPI "" -> absent
PyPI 1 -> 1
EOF
{ node "$tmp/check.cjs"; "$tmp/venv/bin/python" "$tmp/check.py"; } > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
