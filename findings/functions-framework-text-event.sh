#!/usr/bin/env bash
# Google's functions-framework for Node answers 500 to a CloudEvent with a text body, without calling the function.
#
# Versions: npm @google-cloud/functions-framework 5.0.5 (PyPI functions-framework 3.10.2 calls the function)
# Guess:    A CloudEvent in binary mode reaches functions.cloudEvent with any content type, as in Python.
# Seen:     text/plain: 500 with a TypeError of the framework's own middleware. XML, octet-stream and JSON arrive.
# Matters:  A sender retries a 500, so one such event is delivered until the sender gives up, without a line of the user's code run.
# Source:   CloudEvents HTTP protocol binding 1.0.2, section 3.1 "Binary Content Mode" (the event data is the body, of any media type).
# Needs:    bash, Node 22.19 or later, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" @google-cloud/functions-framework@5.0.5 > /dev/null

cat > "$tmp/check.cjs" <<'EOF'
const framework = require("@google-cloud/functions-framework");
const { getTestServer } = require("@google-cloud/functions-framework/testing");
let calls = 0;
framework.cloudEvent("receive", () => {
  calls += 1;
});
console.error = () => {};
const server = getTestServer("receive").listen(0, "127.0.0.1", async () => {
  for (const type of ["application/json", "application/octet-stream", "application/xml", "text/plain"]) {
    calls = 0;
    const response = await fetch(`http://127.0.0.1:${server.address().port}/`, {
      method: "POST",
      headers: { "content-type": type, "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t", connection: "close" },
      body: '{"a":1}',
    });
    console.log(type, response.status, "calls:", calls, /TypeError[^<]*operator/.test(await response.text()) ? "TypeError" : "");
  }
  server.close();
});
EOF
cat > "$tmp/recorded" <<'EOF'
application/json 204 calls: 1 
application/octet-stream 204 calls: 1 
application/xml 204 calls: 1 
text/plain 500 calls: 0 TypeError
EOF
node "$tmp/check.cjs" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
