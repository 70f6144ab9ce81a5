import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptsOpenMetrics, toOpenMetrics } from "./open-metrics.ts";

const TEXT = `# HELP calls_total Calls
# TYPE calls_total counter
calls_total{code="200"} 3

# HELP seconds Time
# TYPE seconds histogram
seconds_bucket{le="1"} 3 # {trace_id="abc"} 0.5 1700000000.000
seconds_bucket{le="+Inf"} 3
seconds_sum 1.5
seconds_count 3

# HELP odd A counter without the suffix
# TYPE odd counter
odd 1
`;

test("a counter's family has no _total, its samples have it, and the end is marked", () => {
  assert.equal(
    toOpenMetrics(TEXT),
    `# HELP calls Calls
# TYPE calls counter
calls_total{code="200"} 3
# HELP seconds Time
# TYPE seconds histogram
seconds_bucket{le="1"} 3 # {trace_id="abc"} 0.5 1700000000.000
seconds_bucket{le="+Inf"} 3
seconds_sum 1.5
seconds_count 3
# HELP odd A counter without the suffix
# TYPE odd unknown
odd 1
# EOF
`,
  );
});

test("a client that names OpenMetrics gets it", () => {
  const PROMETHEUS = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  assert.ok(acceptsOpenMetrics(PROMETHEUS));
  for (const accept of [undefined, "*/*", "text/plain;version=0.0.4"]) assert.ok(!acceptsOpenMetrics(accept));
});
