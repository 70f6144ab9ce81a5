#!/usr/bin/env bash
# Google's functions-framework for Node acknowledges a request that is not one CloudEvent, and calls the function with its raw body.
#
# Versions: npm @google-cloud/functions-framework 5.0.5
# Guess:    A batch is split or refused; JSON without a CloudEvents header is refused with 400, as by the Python framework (3.10.2).
# Seen:     Both are answered with 204. For a batch the function gets its undecoded bytes as "event", for JSON the bare object:
#           id, type and data are undefined. The Python framework answers 500 and 400.
# Matters:  The sender takes the 204 as delivery of all its events and forgets them.
# Source:   CloudEvents HTTP protocol binding 1.0.2, sections 3 (how a receiver tells the mode) and 3.3 "Batched Content Mode".
# Needs:    bash, Node 22.19 or later, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" @google-cloud/functions-framework@5.0.5 > /dev/null

cat > "$tmp/check.cjs" <<'EOF'
const framework = require("@google-cloud/functions-framework");
const { getTestServer } = require("@google-cloud/functions-framework/testing");
const seen = [];
framework.cloudEvent("receive", (event) => {
  seen.push(`${event.constructor.name} ${event.id}`);
});
const event = (id) => ({ specversion: "1.0", id, source: "/s", type: "t", data: { n: 1 } });
const server = getTestServer("receive").listen(0, "127.0.0.1", async () => {
  for (const [type, body] of [
    ["application/cloudevents+json", event("1")],
    ["application/cloudevents-batch+json", [event("1"), event("2")]],
    ["application/json", { n: 1 }],
  ]) {
    seen.length = 0;
    const response = await fetch(`http://127.0.0.1:${server.address().port}/`, {
      method: "POST",
      headers: { "content-type": type, connection: "close" },
      body: JSON.stringify(body),
    });
    await response.text();
    console.log(type, response.status, JSON.stringify(seen));
  }
  server.close();
});
EOF
cat > "$tmp/recorded" <<'EOF'
application/cloudevents+json 204 ["Object 1"]
application/cloudevents-batch+json 204 ["Buffer undefined"]
application/json 204 ["Object undefined"]
EOF
node "$tmp/check.cjs" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
