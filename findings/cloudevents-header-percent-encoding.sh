#!/usr/bin/env bash
# CloudEvents SDKs neither write nor read the percent-encoding of HTTP headers.
#
# Versions: npm cloudevents 10.0.0; PyPI cloudevents 1.12.0 (the version that functions-framework 3.10 installs), 2.2.0 for comparison
# Guess:    In binary mode a subject "Euro €" is sent as "Euro%20%E2%82%AC" and comes back as "Euro €".
# Seen:     npm 10.0.0 and PyPI 1.12.0 write the bare character, which fetch() refuses to send, and hand over the encoded text of a
#           conforming sender. PyPI 2.2.0 does both right, so the two majors of one SDK do not understand each other.
# Matters:  Blob and file events have names as subject: a receiver looks for "Euro%20%E2%82%AC.pdf", a sender throws.
# Source:   CloudEvents HTTP protocol binding 1.0.2, section 3.1.3.2 "HTTP header values".
# Needs:    bash, Node 22.19 or later, npm, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" cloudevents@10.0.0 > /dev/null
for version in 1.12.0 2.2.0; do
  python3 -m venv "$tmp/venv-$version"
  "$tmp/venv-$version/bin/pip" install --quiet --disable-pip-version-check "cloudevents==$version"
done

cat > "$tmp/check.cjs" <<'EOF'
const { CloudEvent, HTTP } = require("cloudevents");
const { headers } = HTTP.binary(new CloudEvent({ id: "1", source: "/s", type: "t", subject: "Euro €" }));
let sent = "accepted";
try {
  new Headers({ "ce-subject": headers["ce-subject"] });
} catch (error) {
  sent = error.name;
}
const read = HTTP.toEvent({
  headers: { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-subject": "Euro%20%E2%82%AC" },
  body: "",
});
console.log("npm 10.0.0 writes", headers["ce-subject"], "fetch:", sent);
console.log("npm 10.0.0 reads", read.subject);
EOF
cat > "$tmp/one.py" <<'EOF'
import warnings
warnings.simplefilter("ignore")
from cloudevents.conversion import to_binary
from cloudevents.http import CloudEvent, from_http
headers, _ = to_binary(CloudEvent({"id": "1", "source": "/s", "type": "t", "subject": "Euro €"}), None)
print("PyPI 1.12.0 writes", headers["ce-subject"])
read = from_http({"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-subject": "Euro%20%E2%82%AC"}, b"")
print("PyPI 1.12.0 reads", read["subject"])
EOF
cat > "$tmp/two.py" <<'EOF'
from cloudevents.core.bindings.http import HTTPMessage, from_binary_event, to_binary_event
from cloudevents.core.v1.event import CloudEvent
message = to_binary_event(CloudEvent({"id": "1", "source": "/s", "type": "t", "specversion": "1.0", "subject": "Euro €"}, None))
print("PyPI 2.2.0 writes", message.headers["ce-subject"])
headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-subject": "Euro%20%E2%82%AC"}
print("PyPI 2.2.0 reads", from_binary_event(HTTPMessage(headers, b"")).get_subject())
EOF
cat > "$tmp/recorded" <<'EOF'
npm 10.0.0 writes Euro € fetch: TypeError
npm 10.0.0 reads Euro%20%E2%82%AC
PyPI 1.12.0 writes Euro €
PyPI 1.12.0 reads Euro%20%E2%82%AC
PyPI 2.2.0 writes Euro%20%E2%82%AC
PyPI 2.2.0 reads Euro €
EOF
{
  node "$tmp/check.cjs"
  "$tmp/venv-1.12.0/bin/python" "$tmp/one.py"
  "$tmp/venv-2.2.0/bin/python" "$tmp/two.py"
} > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
