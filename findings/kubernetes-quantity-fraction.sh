#!/usr/bin/env bash
# kubernetes-resource-parser reads 1.5Gi as one byte, and a nanocore as a core.
#
# Versions: npm kubernetes-resource-parser 0.1.0; PyPI kubernetes 37.0.2 for comparison
# Guess:    memoryParser() and cpuParser() take every quantity that the API takes, or throw.
# Seen:     memoryParser("1.5Gi") is 1 and ("128e6") is 128: it reads the digits in front and looks the rest up. cpuParser("156340n"),
#           the form in which the metrics API reports CPU, is 156340 cores.
# Matters:  Sums of limits and of usage are wrong by nine orders of magnitude without an error.
# Source:   Kubernetes API reference, "Quantity" (signedNumber with decimals; suffixes n, u, m, k…, Ki…, and exponents).
# Needs:    bash, Node 22.19 or later, npm, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" kubernetes-resource-parser@0.1.0 > /dev/null
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check kubernetes==37.0.2

cat > "$tmp/check.cjs" <<'EOF'
const { cpuParser, memoryParser } = require("kubernetes-resource-parser");
for (const memory of ["1Gi", "1.5Gi", "128e6"]) console.log("npm memory", memory, memoryParser(memory));
for (const cpu of ["250m", "156340n"]) console.log("npm cpu", cpu, cpuParser(cpu));
EOF
cat > "$tmp/check.py" <<'EOF'
from kubernetes.utils import parse_quantity
for memory in ("1Gi", "1.5Gi", "128e6"):
    print("PyPI memory", memory, int(parse_quantity(memory)))
for cpu in ("250m", "156340n"):
    print("PyPI cpu", cpu, f"{parse_quantity(cpu):f}")
EOF
cat > "$tmp/recorded" <<'EOF'
npm memory 1Gi 1073741824
npm memory 1.5Gi 1
npm memory 128e6 128
npm cpu 250m 0.25
npm cpu 156340n 156340
PyPI memory 1Gi 1073741824
PyPI memory 1.5Gi 1610612736
PyPI memory 128e6 128000000
PyPI cpu 250m 0.250
PyPI cpu 156340n 0.000156340
EOF
{ node "$tmp/check.cjs"; "$tmp/venv/bin/python" "$tmp/check.py"; } > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
