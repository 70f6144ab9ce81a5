#!/usr/bin/env bash
# @fastify/aws-lambda cuts query values at their commas for payload format 2.0, and no setting gives the query that was sent.
#
# Versions: npm @fastify/aws-lambda 6.4.1, fastify 5.12.8 (hono 4.13.19 for comparison)
# Guess:    `rawQueryString` of the event reaches the application as it is: one parameter with a comma stays one,
#           a repeated parameter is a list.
# Seen:     The joined `queryStringParameters` are read instead. By default every comma cuts, so a JSON value becomes two
#           broken halves; with parseCommaSeparatedQueryParams: false a repeated parameter becomes one value "a,b".
# Matters:  The same request to the same Fastify application has another query on Lambda than on a server; both settings lose data.
# Source:   API Gateway guide, "Payload format version": format 2.0 has `rawQueryString`, and joins duplicates by commas
#           in `queryStringParameters` only.
# Needs:    bash, Node 22.19 or later, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" \
  @fastify/aws-lambda@6.4.1 fastify@5.12.8 hono@4.13.19 > /dev/null

cat > "$tmp/check.cjs" <<'EOF'
const fastify = require("fastify");
const adapter = require("@fastify/aws-lambda");
const { Hono } = require("hono");
const { handle } = require("hono/aws-lambda");
const event = {
  version: "2.0",
  routeKey: "$default",
  rawPath: "/search",
  rawQueryString: "filter=%7B%22a%22%3A1%2C%22b%22%3A2%7D&tag=a&tag=b",
  queryStringParameters: { filter: '{"a":1,"b":2}', tag: "a,b" },
  headers: { host: "app.example" },
  requestContext: { http: { method: "GET", path: "/search" }, stage: "$default", domainName: "app.example" },
  isBase64Encoded: false,
};
const withFastify = async (options) => {
  const application = fastify();
  application.get("/search", (request, reply) => reply.send(request.query));
  return (await (adapter.default ?? adapter)(application, options)(event, {})).body;
};
(async () => {
  console.log("fastify default", await withFastify({}));
  console.log("fastify parseCommaSeparatedQueryParams=false", await withFastify({ parseCommaSeparatedQueryParams: false }));
  const hono = new Hono().get("/search", (context) => context.json(context.req.queries()));
  console.log("hono", (await handle(hono)(event, {})).body);
})();
EOF
cat > "$tmp/recorded" <<'EOF'
fastify default {"filter":["{\"a\":1","\"b\":2}"],"tag":["a","b"]}
fastify parseCommaSeparatedQueryParams=false {"filter":"{\"a\":1,\"b\":2}","tag":"a,b"}
hono {"filter":["{\"a\":1,\"b\":2}"],"tag":["a","b"]}
EOF
node "$tmp/check.cjs" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
