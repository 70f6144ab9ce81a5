import assert from "node:assert/strict";
import { test } from "node:test";
import type { LinkConnection, LinkHandlers } from "@faas/gateway";
import { ManualClock } from "../testing/memory-link.ts";
import { LinkedControl, testView } from "../testing/test-link.ts";

/** Passes texts on as a program of a later release would send them: with messages of unknown types, and unknown fields in every message. */
const fromLaterRelease =
  (receive: (text: string) => void) =>
  (text: string): void => {
    const lines = text.split("\n").filter((line) => line !== "");
    for (const line of lines) {
      const message = JSON.parse(line);
      receive(
        `${JSON.stringify({ ...message, later: { field: [1] }, ...(message.spec ? { spec: { ...message.spec, later: 1 } } : {}) })}\n`,
      );
      receive('{"type":"later","field":1}\n');
    }
  };

test("both ends work with an end of a later release, which sends more types of messages and more fields", () => {
  const clock = new ManualClock();
  const control = new LinkedControl(clock);
  control.group.onFirstList();
  control.putOrg("acme", { replicas: 3 });
  control.putEndpoint("acme/x", { concurrency: 7 });
  const accept = control.group.accept.bind(control.group);
  control.group.accept = (connection: LinkConnection): LinkHandlers => {
    const send = connection.send.bind(connection);
    const handlers = accept({
      send: fromLaterRelease(send),
      bufferedLength: 0,
      close: () => connection.close(),
    });
    return { ...handlers, onText: fromLaterRelease((text) => handlers.onText(text)) };
  };
  const { view } = testView(clock, () => control, "a");
  clock.advance(100);
  assert.equal(view.state.link, "linked");
  const endpoint = view.registry.get("acme/x");
  assert.equal(endpoint?.spec.concurrency, 7);
  assert.equal(endpoint?.org.limits.replicas, 3);
  if (endpoint) view.registry.wake(endpoint);
  clock.advance(100);
  assert.deepEqual(control.scaled, ["acme/x=1"]);
  control.observe("acme/x", { revision: "r", replicas: [{ id: "1", address: "h:1", ready: true, revision: "r" }] });
  clock.advance(100);
  assert.equal(endpoint?.replicas.length, 1);
  endpoint?.acquire();
  clock.advance(1_000);
  assert.equal(control.registry.get("acme/x")?.totalInFlight, 1);
  assert.equal(control.group.list()[0]?.viewAgeMs, 0);
});

test("an end with another protocol is not linked", () => {
  const clock = new ManualClock();
  const control = new LinkedControl(clock);
  control.group.onFirstList();
  const accept = control.group.accept.bind(control.group);
  control.group.accept = (connection) => {
    const handlers = accept(connection);
    return { ...handlers, onText: (text) => handlers.onText(text.replace('"protocol":1', '"protocol":2')) };
  };
  const { view } = testView(clock, () => control, "a");
  clock.advance(10_000);
  assert.equal(view.state.complete, false);
  assert.deepEqual(control.group.list(), []);
});
