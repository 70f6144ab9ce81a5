#!/usr/bin/env bash
# The Python CloudEvents SDK puts text and XML into JSON quotes when it turns a structured event into a binary one.
#
# Versions: PyPI cloudevents 1.12.0 (the version that functions-framework 3.10 installs)
# Guess:    A structured event with datacontenttype text/plain and the data hello has the body hello in binary mode.
# Seen:     The body is "hello" with quotes, and for application/xml it is "<a/>" with quotes, which is not XML.
# Matters:  A bridge from structured to binary mode breaks every event that is not JSON.
# Source:   CloudEvents JSON event format 1.0.2, section 3.1.1 (a string under a type that is not JSON is the text itself);
#           HTTP protocol binding section 3.1.2.
# Needs:    bash, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check cloudevents==1.12.0

cat > "$tmp/check.py" <<'EOF'
import json
from cloudevents.conversion import to_binary
from cloudevents.http import from_http
for content_type, data in (("text/plain", "hello"), ("application/xml", "<a/>"), ("application/json", "hello")):
    body = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "datacontenttype": content_type, "data": data}
    event = from_http({"content-type": "application/cloudevents+json"}, json.dumps(body))
    headers, content = to_binary(event, None)
    print(headers["content-type"], content.decode())
EOF
cat > "$tmp/recorded" <<'EOF'
text/plain "hello"
application/xml "<a/>"
application/json "hello"
EOF
"$tmp/venv/bin/python" "$tmp/check.py" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
