#!/usr/bin/env bash
# Falcon's ASGI applications find no route below a root path.
#
# Versions: PyPI falcon 4.4.0 (starlette 1.10.0 for comparison)
# Guess:    with root_path "/api" and path "/api/items", which a server sends for a request of /api/items, the route /items responds.
# Seen:     404. It responds for the path "/items", which is not below its root path, and then reports /api/items as its address.
# Matters:  behind a proxy that mounts the application (uvicorn --root-path, Mount of Starlette) every request is 404.
# Source:   ASGI HTTP and WebSocket specification 2.5, "HTTP Connection Scope": path is the full path, with root_path at its beginning.
# Needs:    bash, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check falcon==4.4.0 starlette==1.10.0 anyio==4.12.1

cat > "$tmp/check.py" <<'EOF'
import asyncio

import falcon.asgi
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


class Items:
    async def on_get(self, request, response):
        response.text = "items"


async def items(request):
    return PlainTextResponse("items")


falcon_app = falcon.asgi.App()
falcon_app.add_route("/items", Items())
starlette_app = Starlette(routes=[Route("/items", items)])


async def status_of(app, root_path, path):
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.5"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "root_path": root_path, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"host", b"example.com")], "client": ("127.0.0.1", 50000), "server": ("example.com", 80),
    }
    await app(scope, receive, send)
    return sent[0]["status"]


async def main():
    for name, app in (("falcon", falcon_app), ("starlette", starlette_app)):
        for root_path, path in (("", "/items"), ("/api", "/api/items")):
            print(f"{name} root_path={root_path or '-'} path={path}: {await status_of(app, root_path, path)}")


asyncio.run(main())
EOF
cat > "$tmp/recorded" <<'EOF'
falcon root_path=- path=/items: 200
falcon root_path=/api path=/api/items: 404
starlette root_path=- path=/items: 200
starlette root_path=/api path=/api/items: 200
EOF
"$tmp/venv/bin/python" "$tmp/check.py" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
