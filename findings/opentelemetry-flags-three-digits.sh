#!/usr/bin/env bash
# OpenTelemetry's JavaScript propagator writes three hex digits of flags when the upper half is set, and breaks the trace.
#
# Versions: npm @opentelemetry/core 2.12.1; PyPI opentelemetry-api 1.45.2
# Guess:    A header of a later version, 01-…-11, is forwarded as 00-…-01: unknown flags are cleared.
# Seen:     It is forwarded as 00-…-011. Neither the Python SDK nor the JavaScript SDK itself reads that: the next service starts a new trace.
# Matters:  Flags are the field that later levels extend (the random flag, 02, was the first): a trace breaks at each JavaScript service on its way.
# Source:   W3C Trace Context, "trace-flags" (2HEXDIGLC), "Other Flags" (set to zero), "Versioning of traceparent" (how a higher version is read).
# Needs:    bash, Node 22.19 or later, npm, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" @opentelemetry/core@2.12.1 @opentelemetry/api@1.9.1 > /dev/null
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check opentelemetry-api==1.45.2

cat > "$tmp/check.cjs" <<'EOF'
const { ROOT_CONTEXT, trace, defaultTextMapGetter, defaultTextMapSetter } = require("@opentelemetry/api");
const { W3CTraceContextPropagator } = require("@opentelemetry/core");
const propagator = new W3CTraceContextPropagator();
for (const [version, flags] of [["00", "01"], ["00", "03"], ["01", "01"], ["01", "11"]]) {
  const carrier = {};
  const traceparent = `${version}-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags}`;
  propagator.inject(propagator.extract(ROOT_CONTEXT, { traceparent }, defaultTextMapGetter), carrier, defaultTextMapSetter);
  const again = trace.getSpanContext(propagator.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter));
  console.log(carrier.traceparent, again ? "read" : "not read by JavaScript");
}
EOF
cat > "$tmp/check.py" <<'EOF'
import sys
from opentelemetry.context import Context
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
for line in sys.stdin:
    traceparent = line.split()[0]
    span = get_current_span(TraceContextTextMapPropagator().extract({"traceparent": traceparent}, Context()))
    print(line.strip() + (", read by Python" if span.get_span_context().is_valid else ", not read by Python"))
EOF
cat > "$tmp/recorded" <<'EOF'
00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 read, read by Python
00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03 read, read by Python
00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 read, read by Python
00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011 not read by JavaScript, not read by Python
EOF
node "$tmp/check.cjs" | "$tmp/venv/bin/python" "$tmp/check.py" > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
