#!/usr/bin/env bash
# OpenTelemetry's ratio samplers for JavaScript and Python pick different traces for the same ratio.
#
# Versions: npm @opentelemetry/sdk-trace 3.1.1; PyPI opentelemetry-sdk 1.45.2
# Guess:    Services with the same OTEL_TRACES_SAMPLER=traceidratio and the same ratio record the same traces: the decision depends on the trace id alone.
# Seen:     Of 2,000 trace ids, JavaScript records 510 and Python 494, but only 122 are the same: as many as by chance.
#           JavaScript compares the exclusive or of the id's four words, Python its last eight bytes.
# Matters:  Where each service decides by itself, most recorded traces lack the spans of one of the two. Only parent-based samplers give whole traces.
# Source:   OpenTelemetry, "Trace SDK", section TraceIdRatioBased: the algorithm is a TODO; it "SHOULD be used only for creating root spans".
# Needs:    bash, Node 22.19 or later, npm, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" @opentelemetry/sdk-trace@3.1.1 @opentelemetry/api@1.10.0 > /dev/null
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check opentelemetry-sdk==1.45.2

cat > "$tmp/ids.py" <<'EOF'
from hashlib import sha256
for number in range(2000):
    print(sha256(str(number).encode()).hexdigest()[:32])
EOF
cat > "$tmp/check.cjs" <<'EOF'
const { ROOT_CONTEXT } = require("@opentelemetry/api");
const { SamplingDecision, TraceIdRatioBasedSampler } = require("@opentelemetry/sdk-trace");
const sampler = new TraceIdRatioBasedSampler(0.25);
for (const id of require("node:fs").readFileSync(0, "utf8").trim().split("\n"))
  if (sampler.shouldSample(ROOT_CONTEXT, id, "span", 0, {}, []).decision === SamplingDecision.RECORD_AND_SAMPLED) console.log(id);
EOF
cat > "$tmp/check.py" <<'EOF'
import sys
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased
sampler = TraceIdRatioBased(0.25)
for line in sys.stdin:
    if sampler.should_sample(None, int(line, 16), "span").decision is Decision.RECORD_AND_SAMPLE:
        print(line.strip())
EOF
"$tmp/venv/bin/python" "$tmp/ids.py" > "$tmp/ids"
node "$tmp/check.cjs" < "$tmp/ids" | sort > "$tmp/javascript"
"$tmp/venv/bin/python" "$tmp/check.py" < "$tmp/ids" | sort > "$tmp/python"
echo "JavaScript $(wc -l < "$tmp/javascript"), Python $(wc -l < "$tmp/python"), both $(comm -12 "$tmp/javascript" "$tmp/python" | wc -l)" > "$tmp/seen"
cat > "$tmp/recorded" <<'EOF'
JavaScript 510, Python 494, both 122
EOF
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
