import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestGateway } from "../testing/test-gateway.ts";

/** Starts a gateway in front of a replica that dies after it has begun a stream of this type. */
async function startDying(type = "text/event-stream") {
  const gateway = await startTestGateway(() => (request, response) => {
    request.resume().on("end", () => {
      response.writeHead(200, { "content-type": type });
      response.write("event: message\ndata: {", () => request.socket.destroy());
    });
  });
  await gateway.run();
  return gateway;
}

const call = (body: object) => ({ method: "POST", body: JSON.stringify(body) });

for (const id of [7, "é-7"])
  test(`a stream of events that a dead replica leaves ends with an error for the request ${id}`, async () => {
    await using gateway = await startDying();
    const { status, text } = await gateway.call("/acme/x", call({ jsonrpc: "2.0", id, method: "tools/call" }));
    assert.equal(status, 200);
    const events = text.split("\n\n").filter((event) => event !== "");
    assert.equal(events.length, 2, text);
    const { error, ...message } = JSON.parse(
      Buffer.from(/^data: (.*)$/m.exec(events[1] as string)?.[1] ?? "").toString(),
    );
    assert.deepEqual([message, error.code], [{ jsonrpc: "2.0", id }, -32603]);
    assert.match(error.message, /^The replica of acme\/x failed before it sent the result/);
  });

test("other responses that a dead replica leaves are not completed", async () => {
  await using gateway = await startDying();
  for (const body of [{ hello: 1 }, { jsonrpc: "2.0", method: "notifications/initialized" }])
    await assert.rejects(gateway.call("/acme/x", call(body)));
  await using other = await startDying("text/plain");
  await assert.rejects(other.call("/acme/x", call({ jsonrpc: "2.0", id: 1, method: "tools/call" })));
});
