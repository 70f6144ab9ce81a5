#!/usr/bin/env bash
# npm applies --cpu, --os and --libc to optional packages only; a required package is judged by this machine.
#
# Versions: npm 11.21.2
# Guess:    npm install --cpu=s390x takes a package with "cpu": ["s390x"] and rejects one with this machine's: the option "overrides CPU architecture
#           of native modules to install".
# Seen:     the required package for s390x is rejected with EBADPLATFORM, and the one for this machine is installed without a warning. As optional
#           packages, both behave as expected.
# Matters:  an installation for another platform fails for packages that are for it, and succeeds with packages that cannot work there.
# Source:   npm's documentation, "Config", cpu; "package.json", cpu.
# Needs:    bash, Node 22.19 or later, on another CPU than s390x
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --prefix "$tmp/npm" npm@11.21.2
own=$(node -p process.arch)
mkdir "$tmp/there" "$tmp/here"
echo '{"name":"there","version":"1.0.0","cpu":["s390x"]}' > "$tmp/there/package.json"
echo "{\"name\":\"here\",\"version\":\"1.0.0\",\"cpu\":[\"$own\"]}" > "$tmp/here/package.json"

for field in dependencies optionalDependencies; do
  for name in there here; do
    mkdir "$tmp/project"
    echo "{\"$field\":{\"$name\":\"file:../$name\"}}" > "$tmp/project/package.json"
    (cd "$tmp/project" && "$tmp/npm/node_modules/.bin/npm" install --cpu=s390x --install-links --no-audit --loglevel=error > "$tmp/log" 2>&1) || true
    seen=no
    whom="this machine"
    if [ "$name" = there ]; then whom="the option"; fi
    if [ -d "$tmp/project/node_modules/$name" ]; then seen=yes; fi
    echo "$field, package for $whom: installed $seen, EBADPLATFORM $(grep -q EBADPLATFORM "$tmp/log" && echo yes || echo no)"
    rm -r "$tmp/project"
  done
done > "$tmp/seen"
cat > "$tmp/recorded" <<'EOF'
dependencies, package for the option: installed no, EBADPLATFORM yes
dependencies, package for this machine: installed yes, EBADPLATFORM no
optionalDependencies, package for the option: installed yes, EBADPLATFORM no
optionalDependencies, package for this machine: installed no, EBADPLATFORM no
EOF
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
