#!/usr/bin/env bash
# granian gives ASGI applications the ports of `client` and `server` as text.
#
# Versions: PyPI granian 2.8.9 (uvicorn 0.54.0 for comparison)
# Guess:    scope["client"] is ("127.0.0.1", 51234) and scope["server"] is ("127.0.0.1", 8000), numbers both.
# Seen:     granian: ("127.0.0.1", "51234"). The second value is a str for both.
# Matters:  `port == 8000`, `port < 1024` and typed models behave differently (False, TypeError) after a change of server.
# Source:   ASGI HTTP and WebSocket specification 2.5, "HTTP Connection Scope": client and server are
#           Iterable[Unicode string, Optional[int]].
# Needs:    bash, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check granian==2.8.9 uvicorn==0.54.0 h11==0.16.0

cat > "$tmp/application.py" <<'EOF'
async def application(scope, receive, send):
    assert scope["type"] == "http"
    types = " ".join(f"{key}={type(scope[key][1]).__name__}" for key in ("client", "server"))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": types.encode()})
EOF
cat > "$tmp/check.py" <<'EOF'
import pathlib, socket, subprocess, sys, time, urllib.request

folder = pathlib.Path(sys.argv[0]).parent
for server in ("granian", "uvicorn"):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(folder / "venv/bin" / server), "application:application", "--port", str(port)]
    command += ["--interface", "asginl"] if server == "granian" else ["--lifespan", "off", "--http", "h11"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                print(server, urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read().decode())
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
    finally:
        process.terminate()
        process.wait()
EOF
cat > "$tmp/recorded" <<'EOF'
granian client=str server=str
uvicorn client=int server=int
EOF
"$tmp/venv/bin/python" "$tmp/check.py" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
