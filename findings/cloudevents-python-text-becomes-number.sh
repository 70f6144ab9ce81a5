#!/usr/bin/env bash
# The Python CloudEvents SDK reads every binary body as JSON first, whatever its content type.
#
# Versions: PyPI cloudevents 1.12.0 (the version that functions-framework 3.10 installs)
# Guess:    The data of a text/plain event is its text (or its bytes).
# Seen:     The text 1.10 is the number 1.1, and is forwarded as 1.1; the text null is no data; the text v1.10 is bytes.
# Matters:  A release event with the version 1.10 deploys 1.1. The type of the data depends on what the text looks like.
# Source:   CloudEvents 1.0.2, "datacontenttype" (it alone says how data is read); HTTP protocol binding section 3.1.2.
# Needs:    bash, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check cloudevents==1.12.0

cat > "$tmp/check.py" <<'EOF'
from cloudevents.conversion import to_binary
from cloudevents.http import from_http
for text in ("1.10", "null", "v1.10", '{"b": 1, "b": 2}'):
    event = from_http(
        {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t", "content-type": "text/plain"}, text.encode())
    print(text, "->", repr(event.data), "->", to_binary(event, None)[1])
EOF
cat > "$tmp/recorded" <<'EOF'
1.10 -> 1.1 -> b'1.1'
null -> None -> None
v1.10 -> b'v1.10' -> b'v1.10'
{"b": 1, "b": 2} -> {'b': 2} -> b'{"b": 2}'
EOF
"$tmp/venv/bin/python" "$tmp/check.py" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
