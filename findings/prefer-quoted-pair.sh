#!/usr/bin/env bash
# parse-prefer-header loses a preference with an escaped quote in its value, and all that follow it.
#
# Versions: npm parse-prefer-header 1.0.0
# Guess:    A quoted value may have escaped quotes; the preferences around it are read.
# Seen:     In `size="6\" wide", respond-async` nothing is read, not even respond-async; a preference in front of it is.
#           Where the escaped quotes are even in number all are read, and the backslashes stay in the value.
# Matters:  The call is answered in the synchronous way although the client asked for 202, without an error.
# Source:   RFC 7240 section 2 (word = token / quoted-string); RFC 9110 section 5.6.4 (quoted-pair).
# Needs:    bash, Node 22.19 or later, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" parse-prefer-header@1.0.0 > /dev/null

cat > "$tmp/check.cjs" <<'EOF'
const parse = require("parse-prefer-header");
for (const header of [
  'size="6 wide", respond-async',
  'size="6\\" wide", respond-async',
  'wait=5, size="6\\" wide", respond-async',
  'note="say \\"hi\\"", respond-async',
])
  console.log(header, "->", JSON.stringify(parse(header)));
EOF
cat > "$tmp/recorded" <<'EOF'
size="6 wide", respond-async -> {"size":"6 wide","respondAsync":true}
size="6\" wide", respond-async -> {}
wait=5, size="6\" wide", respond-async -> {"wait":"5"}
note="say \"hi\"", respond-async -> {"note":"say \\\"hi\\\"","respondAsync":true}
EOF
node "$tmp/check.cjs" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
