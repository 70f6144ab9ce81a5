#!/usr/bin/env bash
# The Python Standard Webhooks library signs another moment than it is given when the datetime is not in UTC.
#
# Versions: PyPI standardwebhooks 1.1.0 (npm standardwebhooks 1.1.1 for comparison)
# Guess:    sign() of an aware datetime signs its Unix time: 12:00+02:00 and 10:00+00:00 are one moment and have one signature.
# Seen:     The zone is replaced, not converted: 12:00+02:00 is signed as 12:00 UTC. With the true Unix time in webhook-timestamp,
#           the library's own verify() refuses it, and so does every other receiver.
# Matters:  It works with UTC, in tests too, and fails for senders that keep datetimes in a local zone.
# Source:   Standard Webhooks specification, "Webhook metadata" (timestamp: integer unix timestamp, seconds since epoch) and "Signature scheme".
# Needs:    bash, Node 22.19 or later, npm, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" standardwebhooks@1.1.1 > /dev/null
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check standardwebhooks==1.1.0

cat > "$tmp/check.py" <<'EOF'
import base64, datetime
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError
webhook = Webhook("whsec_" + base64.b64encode(b"k" * 32).decode())
berlin = datetime.timezone(datetime.timedelta(hours=2))
same = datetime.datetime(2026, 7, 1, 10, tzinfo=datetime.timezone.utc), datetime.datetime(2026, 7, 1, 12, tzinfo=berlin)
print("equal moments:", same[0] == same[1])
for moment in same:
    print("Python", moment.isoformat(), webhook.sign("msg_1", moment, "{}"))
for zone in (datetime.timezone.utc, berlin):
    now = datetime.datetime.now(zone)
    headers = {"webhook-id": "m", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": webhook.sign("m", now, "{}")}
    try:
        webhook.verify("{}", headers)
        print("now in", zone, "verified")
    except WebhookVerificationError as error:
        print("now in", zone, error)
EOF
cat > "$tmp/check.cjs" <<'EOF'
const { Webhook } = require("standardwebhooks");
const webhook = new Webhook(`whsec_${Buffer.from("k".repeat(32)).toString("base64")}`);
console.log("Node 12:00+02:00", webhook.sign("msg_1", new Date("2026-07-01T12:00:00+02:00"), "{}"));
EOF
{ "$tmp/venv/bin/python" "$tmp/check.py"; node "$tmp/check.cjs"; } > "$tmp/seen"
cat > "$tmp/recorded" <<'EOF'
equal moments: True
Python 2026-07-01T10:00:00+00:00 v1,BhlXAhQE8EC2sMzjoxHf3aw+Y6ToKbvOmNpgs5CJCzg=
Python 2026-07-01T12:00:00+02:00 v1,NgzsrvvhcE12hpm2wofTvfRRm2DzHlxSCVeDHx1meR4=
now in UTC verified
now in UTC+02:00 No matching signature found
Node 12:00+02:00 v1,BhlXAhQE8EC2sMzjoxHf3aw+Y6ToKbvOmNpgs5CJCzg=
EOF
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
