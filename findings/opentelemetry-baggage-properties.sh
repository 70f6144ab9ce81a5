#!/usr/bin/env bash
# OpenTelemetry's Python propagator takes the properties of a baggage member for a part of its value.
#
# Versions: PyPI opentelemetry-api 1.45.2; npm @opentelemetry/core 2.12.1
# Guess:    In `plan=gold;ttl=60` the value is "gold"; properties are kept beside it or dropped.
# Seen:     Python says "gold;ttl=60", and forwards plan=gold%3Bttl%3D60, so that every later service has the wrong value too.
#           JavaScript says "gold" and forwards the member unchanged.
# Matters:  A comparison such as plan == "gold" is true in one service of a trace and false in the next.
# Source:   W3C Baggage, section 3.2.1 "Header Content": list-member = key "=" value *( ";" property ).
# Needs:    bash, Node 22.19 or later, npm, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" @opentelemetry/core@2.12.1 @opentelemetry/api@1.9.1 > /dev/null
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check opentelemetry-api==1.45.2

cat > "$tmp/check.cjs" <<'EOF'
const { ROOT_CONTEXT, propagation, defaultTextMapGetter, defaultTextMapSetter } = require("@opentelemetry/api");
const { W3CBaggagePropagator } = require("@opentelemetry/core");
const propagator = new W3CBaggagePropagator();
const carrier = {};
const context = propagator.extract(ROOT_CONTEXT, { baggage: "plan=gold;ttl=60,region=eu" }, defaultTextMapGetter);
propagator.inject(context, carrier, defaultTextMapSetter);
console.log("JavaScript", propagation.getBaggage(context).getEntry("plan").value, carrier.baggage);
EOF
cat > "$tmp/check.py" <<'EOF'
from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
carrier = {}
context = W3CBaggagePropagator().extract({"baggage": "plan=gold;ttl=60,region=eu"}, Context())
W3CBaggagePropagator().inject(carrier, context)
print("Python", baggage.get_baggage("plan", context), carrier["baggage"])
EOF
cat > "$tmp/recorded" <<'EOF'
JavaScript gold plan=gold;ttl=60,region=eu
Python gold;ttl=60 plan=gold%3Bttl%3D60,region=eu
EOF
{ node "$tmp/check.cjs"; "$tmp/venv/bin/python" "$tmp/check.py"; } > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
