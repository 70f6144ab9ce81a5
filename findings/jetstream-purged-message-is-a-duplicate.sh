#!/usr/bin/env bash
# NATS JetStream acknowledges a message as a duplicate of one that was purged, and stores nothing.
#
# Versions: Go github.com/nats-io/nats-server/v2 v2.15.0; npm @nats-io/transport-node and @nats-io/jetstream 3.4.0
# Guess:    After a purge (or after a message was deleted) its Nats-Msg-Id is free again: publishing it stores it.
# Seen:     Within the duplicate window the answer is duplicate: true with the old sequence number, and the stream stays empty.
#           Deleting the whole stream and making it again does free the ids.
# Matters:  Purge and replay, the usual repair of a queue, loses every message of the last two minutes (the default window),
#           and each publish looks like a success.
# Source:   nats-server pull request 1668 (2020) let a purge clear the window; issue 6782 (2025, open) reports that it does not.
# Needs:    bash, Node 22.19 or later, npm, Go 1.24 or later (the server takes about a minute to build)
set -euo pipefail
tmp=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2> /dev/null; wait "$server" || true; fi; chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" @nats-io/transport-node@3.4.0 @nats-io/jetstream@3.4.0 > /dev/null
GOBIN="$tmp/bin" go install github.com/nats-io/nats-server/v2@v2.15.0 2> "$tmp/go.log" || { cat "$tmp/go.log"; exit 1; }
"$tmp/bin/nats-server" --jetstream --store_dir "$tmp/store" --addr 127.0.0.1 --port -1 --ports_file_dir "$tmp" > "$tmp/server.log" 2>&1 &
server=$!

cat > "$tmp/check.mjs" <<'EOF'
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
const address = async () => {
  for (let left = 300; left > 0; left--, await sleep(100)) {
    const file = readdirSync(".").find((name) => name.endsWith(".ports"));
    const text = file && readFileSync(file, "utf8");
    if (text?.includes("nats://")) return JSON.parse(text).nats[0];
  }
  throw new Error("nats-server did not start");
};
const connection = await connect({ servers: await address() });
const manager = await jetstreamManager(connection);
const stream = jetstream(connection);
const publish = async (step, msgID) => {
  const { seq, duplicate } = await stream.publish("orders.new", "hello", { msgID });
  console.log(step, "seq:", seq, "duplicate:", duplicate, "stored:", (await manager.streams.info("ORDERS")).state.messages);
};
const options = { name: "ORDERS", subjects: ["orders.>"], storage: "memory" };
await manager.streams.add(options);
await publish("first", "1");
await publish("again", "1");
await manager.streams.purge("ORDERS");
await publish("after purge", "1");
await publish("another", "2");
await manager.streams.deleteMessage("ORDERS", 2);
await publish("after delete", "2");
await manager.streams.delete("ORDERS");
await manager.streams.add(options);
await publish("new stream", "1");
await connection.close();
EOF
cat > "$tmp/recorded" <<'EOF'
first seq: 1 duplicate: false stored: 1
again seq: 1 duplicate: true stored: 1
after purge seq: 1 duplicate: true stored: 0
another seq: 2 duplicate: false stored: 1
after delete seq: 2 duplicate: true stored: 0
new stream seq: 1 duplicate: false stored: 1
EOF
(cd "$tmp" && node check.mjs) > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
