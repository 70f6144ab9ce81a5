#!/usr/bin/env bash
# serverless-http drops every cookie as soon as there are two, behind a load balancer without multi-value headers.
#
# Versions: npm serverless-http 4.0.0 (with @codegenie/serverless-express 4.17.1 for comparison)
# Guess:    An Application Load Balancer without multi-value headers takes one value a name, so an adapter keeps one
#           Set-Cookie line, or writes the names in different case, or fails.
# Seen:     One cookie arrives. Two cookies: serverless-http answers 200 without any Set-Cookie.
#           @codegenie/serverless-express keeps the first.
# Matters:  A login that sets a session and a CSRF cookie works on API Gateway and sets nothing behind the load balancer.
# Source:   Elastic Load Balancing guide, "Lambda functions as targets", "Responses with multi-value headers";
#           RFC 9110 section 5.3 (Set-Cookie lines cannot be combined).
# Needs:    bash, Node 22.19 or later, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" \
  serverless-http@4.0.0 @codegenie/serverless-express@4.17.1 > /dev/null

cat > "$tmp/check.cjs" <<'EOF'
const serverlessHttp = require("serverless-http");
const serverlessExpress = require("@codegenie/serverless-express");
const application = (request, response) => {
  response.setHeader("content-type", "text/plain");
  response.setHeader("set-cookie", request.url === "/one" ? "a=1" : ["a=1", "b=2"]);
  response.end("hello");
};
const event = (path) => ({
  requestContext: { elb: { targetGroupArn: "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/t/1" } },
  httpMethod: "GET",
  path,
  queryStringParameters: {},
  headers: { host: "app.example" },
  body: "",
  isBase64Encoded: false,
});
const adapters = {
  "serverless-http": (serverlessHttp.default ?? serverlessHttp)(application),
  "serverless-express": (serverlessExpress.default ?? serverlessExpress)({ app: application }),
};
(async () => {
  for (const [name, handler] of Object.entries(adapters))
    for (const path of ["/one", "/two"]) {
      const { statusCode, headers, multiValueHeaders } = await handler(event(path), {}, () => {});
      const cookies = Object.entries({ ...headers, ...multiValueHeaders }).filter(([key]) => /^set-cookie$/i.test(key));
      console.log(name, path, statusCode, JSON.stringify(cookies));
    }
})();
EOF
cat > "$tmp/recorded" <<'EOF'
serverless-http /one 200 [["set-cookie","a=1"]]
serverless-http /two 200 []
serverless-express /one 200 [["set-cookie","a=1"]]
serverless-express /two 200 [["set-cookie","a=1"]]
EOF
node "$tmp/check.cjs" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
