#!/usr/bin/env bash
# Pipenv leaves a platform condition of a Pipfile out of Pipfile.lock.
#
# Versions: PyPI pipenv 2026.10.3
# Guess:    {version = "==0.4.6", sys_platform = "== 'win32'"} is locked with "markers": "sys_platform == 'win32'", as with the key `markers`.
# Seen:     locked on Linux without any marker, so that installing from the lock file installs the package on Linux too. A package that has only
#           Windows wheels gets the version "*" and no digest instead, with a lock file that is reported as successful.
# Matters:  what reads the lock file cannot know for which platform a package is, and cannot obey "*".
# Source:   Pipenv's documentation, "Specifying Basically Anything", shows this form; dependency specifiers (PEP 508), "Environment Markers".
# Needs:    bash, Python 3.11 or later, Linux
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check pipenv==2026.10.3
if index=$("$tmp/venv/bin/pip" config get global.index-url 2>/dev/null); then export PIPENV_PYPI_MIRROR=$index; fi

lock() {
  mkdir "$tmp/$1"
  printf '[packages]\n%s\n' "$2" > "$tmp/$1/Pipfile"
  (cd "$tmp/$1" && PIPENV_IGNORE_VIRTUALENVS=1 WORKON_HOME="$tmp/envs" "$tmp/venv/bin/pipenv" lock > "$tmp/log" 2>&1) || { cat "$tmp/log" >&2; exit 1; }
  "$tmp/venv/bin/python" - "$tmp/$1/Pipfile.lock" "$1" <<'EOF'
import json, sys

(package,) = json.load(open(sys.argv[1]))["default"].values()
print(f"{sys.argv[2]}: version {package['version']}, markers {package.get('markers', 'none')}, digests {bool(package.get('hashes'))}")
EOF
}
cat > "$tmp/recorded" <<'EOF'
markers: version ==0.4.6, markers sys_platform == 'win32', digests True
sys_platform: version ==0.4.6, markers none, digests True
windows-only: version *, markers none, digests False
EOF
{
  lock markers 'colorama = {version = "==0.4.6", markers = "sys_platform == '"'win32'"'"}'
  lock sys_platform 'colorama = {version = "==0.4.6", sys_platform = "== '"'win32'"'"}'
  lock windows-only 'pywin32 = {version = "*", sys_platform = "== '"'win32'"'"}'
} > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
