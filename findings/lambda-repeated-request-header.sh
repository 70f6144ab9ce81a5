#!/usr/bin/env bash
# serverless-http and serverless-wsgi keep only the last of a repeated request header of a REST API event.
#
# Versions: npm serverless-http 4.0.0, hono 4.13.19; PyPI serverless-wsgi 3.1.0, mangum 0.22.0
# Guess:    `multiValueHeaders` is where payload format 1.0 has all values, so every adapter reads it, as it does for the query.
# Seen:     hono and mangum give "192.0.2.1, 198.51.100.7". serverless-http and serverless-wsgi read `headers`,
#           which has the last value only: the client's address is gone. Both read multiValueQueryStringParameters.
# Matters:  A repeated X-Forwarded-For, Accept or If-None-Match means something else than behind a server.
# Source:   API Gateway guide, "Input format of a Lambda function for proxy integration"; RFC 9110 section 5.3.
# Needs:    bash, Node 22.19 or later, npm, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" serverless-http@4.0.0 hono@4.13.19 > /dev/null
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check serverless-wsgi==3.1.0 mangum==0.22.0

cat > "$tmp/event.json" <<'EOF'
{
  "version": "1.0",
  "resource": "/{proxy+}",
  "path": "/header",
  "httpMethod": "GET",
  "headers": { "Host": "app.example", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "443", "X-Forwarded-For": "198.51.100.7" },
  "multiValueHeaders": {
    "Host": ["app.example"],
    "X-Forwarded-Proto": ["https"],
    "X-Forwarded-Port": ["443"],
    "X-Forwarded-For": ["192.0.2.1", "198.51.100.7"]
  },
  "queryStringParameters": { "tag": "b" },
  "multiValueQueryStringParameters": { "tag": ["a", "b"] },
  "requestContext": {
    "apiId": "a", "domainName": "app.example", "httpMethod": "GET", "path": "/prod/header", "stage": "prod",
    "requestId": "r", "identity": { "sourceIp": "198.51.100.7" }
  },
  "body": null,
  "isBase64Encoded": false
}
EOF
cat > "$tmp/check.cjs" <<'EOF'
const event = require("./event.json");
const serverlessHttp = require("serverless-http");
const { Hono } = require("hono");
const { handle } = require("hono/aws-lambda");
const application = (request, response) => response.end(`${request.headers["x-forwarded-for"]} ${request.url}`);
const hono = new Hono().get("/header", (context) =>
  context.text(`${context.req.header("x-forwarded-for")} ${new URL(context.req.url).search}`),
);
(async () => {
  console.log("serverless-http", (await (serverlessHttp.default ?? serverlessHttp)(application)(event, {})).body);
  console.log("hono", (await handle(hono)(event, {})).body);
})();
EOF
cat > "$tmp/check.py" <<'EOF'
import json, pathlib, types
import serverless_wsgi
from mangum import Mangum

event = json.loads((pathlib.Path(__file__).parent / "event.json").read_text())

def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['HTTP_X_FORWARDED_FOR']} {environ['QUERY_STRING']}".encode()]

async def asgi(scope, receive, send):
    forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    body = b", ".join(forwarded) + b" " + scope["query_string"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})

context = types.SimpleNamespace(aws_request_id="r", log_group_name="", function_name="")
print("serverless-wsgi", serverless_wsgi.handle_request(wsgi, event, context)["body"])
print("mangum", Mangum(asgi, lifespan="off")(event, context)["body"])
EOF
cat > "$tmp/recorded" <<'EOF'
serverless-http 198.51.100.7 /header?tag=a&tag=b
hono 192.0.2.1, 198.51.100.7 ?tag=a&tag=b
serverless-wsgi 198.51.100.7 tag=a&tag=b
mangum 192.0.2.1, 198.51.100.7 tag=a&tag=b
EOF
{ node "$tmp/check.cjs"; "$tmp/venv/bin/python" "$tmp/check.py"; } > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
