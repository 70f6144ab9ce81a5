#!/usr/bin/env bash
# The JavaScript CloudEvents SDK writes a JSON string without its quotes in binary mode.
#
# Versions: npm cloudevents 10.0.0
# Guess:    An event whose data is the JSON string "hello" has the body "hello" with quotes under application/json.
# Seen:     The body is hello, which is not JSON; the string "42" becomes the number 42, and the string '{"a":1}' an object.
#           Structured to binary and back changes the type without an error.
# Matters:  An order number or postcode kept as a string arrives as a number at a receiver that parses by content type; other strings are refused.
# Source:   CloudEvents HTTP protocol binding 1.0.2, section 3.1.2 (the body is the data as its content type says); RFC 8259 section 2.
# Needs:    bash, Node 22.19 or later, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" cloudevents@10.0.0 > /dev/null

cat > "$tmp/check.cjs" <<'EOF'
const { HTTP } = require("cloudevents");
for (const data of ["hello", "42", '{"a":1}', ["hello"]]) {
  const event = HTTP.toEvent({
    headers: { "content-type": "application/cloudevents+json" },
    body: JSON.stringify({ specversion: "1.0", id: "1", source: "/s", type: "t", datacontenttype: "application/json", data }),
  });
  const { headers, body } = HTTP.binary(event);
  let meaning;
  try {
    meaning = JSON.stringify(JSON.parse(body));
  } catch (error) {
    meaning = error.name;
  }
  console.log(JSON.stringify(data), headers["content-type"], "body:", body, "parsed:", meaning);
}
EOF
cat > "$tmp/recorded" <<'EOF'
"hello" application/json body: hello parsed: SyntaxError
"42" application/json body: 42 parsed: 42
"{\"a\":1}" application/json body: {"a":1} parsed: {"a":1}
["hello"] application/json body: ["hello"] parsed: ["hello"]
EOF
node "$tmp/check.cjs" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
