#!/usr/bin/env bash
# apig-wsgi keeps only the last of a repeated response header for payload format 2.0.
#
# Versions: PyPI apig-wsgi 2.20.0, mangum 0.22.0
# Guess:    A format 2.0 answer has one value a name, so repeated lines are joined by commas; cookies go into `cookies`.
# Seen:     Cookies are right. Of two Vary lines, and of two Link lines, only the last is in the answer; mangum joins them.
#           The README says that multiple values are supported for format 1.0, and not that they are lost for 2.0.
# Matters:  Two middlewares that add a Vary line each are usual; a cache that sees only the last one serves one user's
#           language or encoding to the next.
# Source:   RFC 9110 section 5.3; PEP 3333, "The start_response() Callable" (headers are a list, names may repeat).
# Needs:    bash, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check apig-wsgi==2.20.0 mangum==0.22.0

cat > "$tmp/check.py" <<'EOF'
import json, types
from apig_wsgi import make_lambda_handler
from mangum import Mangum

lines = [("Vary", "Accept-Language"), ("Vary", "Accept-Encoding"), ("Link", "</a>; rel=preload"), ("Link", "</b>; rel=preload"),
         ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
event = {
    "version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "", "headers": {"host": "app.example"},
    "requestContext": {"domainName": "app.example", "stage": "$default", "requestId": "r", "http": {
        "method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "t"}},
    "isBase64Encoded": False,
}

def wsgi(environ, start_response):
    start_response("200 OK", lines)
    return [b""]

async def asgi(scope, receive, send):
    headers = [(name.encode(), value.encode()) for name, value in lines]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})

context = types.SimpleNamespace(aws_request_id="r", log_group_name="", function_name="")
for name, answer in (("apig-wsgi", make_lambda_handler(wsgi)(event, context)), ("mangum", Mangum(asgi, lifespan="off")(event, context))):
    headers = {key.lower(): value for key, value in answer["headers"].items()}
    print(name, json.dumps([headers.get("vary"), headers.get("link"), answer["cookies"]]))
EOF
cat > "$tmp/recorded" <<'EOF'
apig-wsgi ["Accept-Encoding", "</b>; rel=preload", ["a=1", "b=2"]]
mangum ["Accept-Language,Accept-Encoding", "</a>; rel=preload,</b>; rel=preload", ["a=1", "b=2"]]
EOF
"$tmp/venv/bin/python" "$tmp/check.py" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
