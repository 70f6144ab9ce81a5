#!/usr/bin/env bash
# @whatwg-node/server keeps only the last of a repeated field of a form.
#
# Versions: npm @whatwg-node/server 0.11.0 (@hono/node-server 2.1.9 for comparison)
# Guess:    request.formData() of tag=a&tag=b has both, and getAll("tag") gives ["a", "b"].
# Seen:     ["b"], for application/x-www-form-urlencoded and for multipart/form-data.
# Matters:  Check boxes and multiple choices of an ordinary HTML form arrive as one; nothing fails.
# Source:   URL standard, "application/x-www-form-urlencoded parsing"; RFC 7578 section 4.3; Fetch standard, "Body" formData().
# Needs:    bash, Node 22.19 or later, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" @whatwg-node/server@0.11.0 @hono/node-server@2.1.9 > /dev/null

cat > "$tmp/check.mjs" <<'EOF'
import { once } from "node:events";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { createServerAdapter } from "@whatwg-node/server";
const fetchHandler = async (request) => new Response(JSON.stringify((await request.formData()).getAll("tag")));
const multipart = new FormData();
multipart.append("tag", "a");
multipart.append("tag", "b");
for (const [name, listener] of Object.entries({
  "@whatwg-node/server": createServerAdapter(fetchHandler),
  "@hono/node-server": getRequestListener(fetchHandler, { overrideGlobalObjects: false }),
})) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  for (const [kind, body] of [["urlencoded", new URLSearchParams("tag=a&tag=b")], ["multipart", multipart]]) {
    const response = await fetch(`http://127.0.0.1:${server.address().port}/`, { method: "POST", body, headers: { connection: "close" } });
    console.log(name, kind, await response.text());
  }
  server.close();
}
EOF
cat > "$tmp/recorded" <<'EOF'
@whatwg-node/server urlencoded ["b"]
@whatwg-node/server multipart ["b"]
@hono/node-server urlencoded ["a","b"]
@hono/node-server multipart ["a","b"]
EOF
node "$tmp/check.mjs" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
