#!/usr/bin/env bash
# uvicorn and hypercorn add a second Date line to an answer that has one.
#
# Versions: PyPI uvicorn 0.54.0, hypercorn 0.18.0 (h11 0.16.0), granian 2.8.9 for comparison
# Guess:    A server adds Date and Server only if the application sent none.
# Seen:     uvicorn and hypercorn send two Date and two Server lines, uvicorn in front of the application's, hypercorn behind. granian adds none.
# Matters:  An application that forwards an upstream response (a proxy, a cached page) sends two dates;
#           a cache that takes the newer one counts an old answer as fresh.
# Source:   RFC 9110 section 5.3 (a sender must not repeat a field that is not a list), section 6.6.1 (Date).
# Needs:    bash, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check granian==2.8.9 uvicorn==0.54.0 hypercorn==0.18.0 h11==0.16.0

cat > "$tmp/application.py" <<'EOF'
async def application(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    headers = [(b"date", b"Thu, 01 Jan 2026 00:00:00 GMT"), (b"server", b"upstream"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
EOF
cat > "$tmp/check.py" <<'EOF'
import http.client, pathlib, socket, subprocess, sys, time

folder = pathlib.Path(sys.argv[0]).parent
for server, options in (
    ("uvicorn", ["--port", "{port}", "--lifespan", "off", "--http", "h11"]),
    ("hypercorn", ["--bind", "127.0.0.1:{port}"]),
    ("granian", ["--port", "{port}", "--interface", "asginl"]),
):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(folder / "venv/bin" / server), "application:application", *(o.format(port=port) for o in options)]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/", headers={"Connection": "close"})
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        headers = connection.getresponse().headers
        print(server, "Date:", len(headers.get_all("date")), "Server:", ", ".join(headers.get_all("server")))
    finally:
        process.terminate()
        process.wait()
EOF
cat > "$tmp/recorded" <<'EOF'
uvicorn Date: 2 Server: uvicorn, upstream
hypercorn Date: 2 Server: upstream, hypercorn-h11
granian Date: 1 Server: upstream
EOF
"$tmp/venv/bin/python" "$tmp/check.py" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
