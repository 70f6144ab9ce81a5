#!/usr/bin/env bash
# @hono/node-server replaces the global Response, and that one forgets or invents the Content-Type of a body.
#
# Versions: npm @hono/node-server 2.1.9 (srvx 1.0.8 for comparison)
# Guess:    new Response("x", { headers: { "x-a": "1" } }) has text/plain;charset=UTF-8, a Blob its own type, bytes none.
# Seen:     With any headers given the string has no Content-Type; a Blob of text/csv and plain bytes are sent as text/plain; charset=UTF-8.
# Matters:  An image or archive from a Blob is shown as text, and a page without a type is downloaded, only under this server.
# Source:   Fetch standard, "initialize a response" and "extract a body" (the type is set when the headers have none).
# Needs:    bash, Node 22.19 or later, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" @hono/node-server@2.1.9 srvx@1.0.8 > /dev/null

cat > "$tmp/check.mjs" <<'EOF'
import { once } from "node:events";
const answers = {
  "/string": () => new Response("hello"),
  "/string-with-headers": () => new Response("hello", { headers: { "x-a": "1" } }),
  "/blob": () => new Response(new Blob(["a,b"], { type: "text/csv" })),
  "/bytes": () => new Response(new Uint8Array([137, 80])),
};
const fetchHandler = (request) => answers[new URL(request.url).pathname]();
const servers = {
  srvx: async () => {
    const { serve } = await import("srvx");
    const server = serve({ fetch: fetchHandler, port: 0, hostname: "127.0.0.1", silent: true });
    await server.ready();
    return { port: new URL(server.url).port, close: () => server.close(true) };
  },
  "@hono/node-server": async () => {
    const { serve } = await import("@hono/node-server");
    const server = serve({ fetch: fetchHandler, port: 0, hostname: "127.0.0.1" });
    await once(server, "listening");
    return { port: server.address().port, close: () => server.close() };
  },
};
for (const [name, start] of Object.entries(servers)) {
  const { port, close } = await start();
  for (const path of Object.keys(answers)) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } });
    await response.arrayBuffer();
    console.log(name, path, response.headers.get("content-type")?.replace("; ", ";"));
  }
  await close();
}
process.exit();
EOF
cat > "$tmp/recorded" <<'EOF'
srvx /string text/plain;charset=UTF-8
srvx /string-with-headers text/plain;charset=UTF-8
srvx /blob text/csv
srvx /bytes undefined
@hono/node-server /string text/plain;charset=UTF-8
@hono/node-server /string-with-headers undefined
@hono/node-server /blob text/plain;charset=UTF-8
@hono/node-server /bytes text/plain;charset=UTF-8
EOF
node "$tmp/check.mjs" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
