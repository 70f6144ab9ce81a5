#!/usr/bin/env bash
# honcho removes the spaces of an unquoted value in .env and joins its words.
#
# Versions: PyPI honcho 2.0.0, python-dotenv 1.2.4; npm foreman 3.0.1, dotenv 18.0.10
# Guess:    OPTIONS=-a 1 -b 2 has the value "-a 1 -b 2", as in every other reader of such files, or is an error.
# Seen:     honcho gives "-a1-b2", and "C:temp" for C:\temp: the line is split as a shell would and put together without the spaces.
# Matters:  Flags and sentences reach the process glued together, without a warning; the same file is right under foreman.
# Source:   honcho describes itself as a Python clone of Foreman; its README shows .env as KEY=value lines without a word on quoting.
# Needs:    bash, Node 22.19 or later, npm, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" foreman@3.0.1 dotenv@18.0.10 > /dev/null
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check honcho==2.0.0 python-dotenv==1.2.4

mkdir "$tmp/app"
cat > "$tmp/app/.env" <<'EOF'
OPTIONS=-a 1 -b 2
FOLDER=C:\temp
QUOTED="-a 1 -b 2"
EOF
cat > "$tmp/show.sh" <<'EOF'
printf '%s|%s|%s\n' "$OPTIONS" "$FOLDER" "$QUOTED"
EOF
unset OPTIONS FOLDER QUOTED
cd "$tmp/app"
{
  echo "honcho $("$tmp/venv/bin/honcho" run sh "$tmp/show.sh")"
  echo "foreman $("$tmp/node_modules/.bin/nf" run sh "$tmp/show.sh" | tail -n 1)"
  "$tmp/venv/bin/python" -c 'from dotenv import dotenv_values; print("python-dotenv", "|".join(dotenv_values(".env").values()))'
  node -p '"dotenv " + Object.values(require(process.argv[1]).parse(require("node:fs").readFileSync(".env"))).join("|")' "$tmp/node_modules/dotenv"
} > "$tmp/seen"
cat > "$tmp/recorded" <<'EOF'
honcho -a1-b2|C:temp|-a 1 -b 2
foreman -a 1 -b 2|C:\temp|-a 1 -b 2
python-dotenv -a 1 -b 2|C:\temp|-a 1 -b 2
dotenv -a 1 -b 2|C:\temp|-a 1 -b 2
EOF
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
