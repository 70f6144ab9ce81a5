import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { digestOf, functionBundle, testControl } from "../../testing/test-control.ts";

/** CloudEvents of the Python SDK, as the client and in the place of the function. It is installed: `FAAS_TEST_APPS=all`. */

const skip = process.env.FAAS_TEST_APPS !== "all";

/** Prints the messages of events, or what the SDK reads in messages; one JSON value. */
const SCRIPT = `
import base64, json, sys
from cloudevents.core.bindings.http import HTTPMessage, from_http_event, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

def written(message):
    return {"headers": message.headers, "body": base64.b64encode(message.body).decode()}

def read(message):
    event = from_http_event(HTTPMessage(message["headers"], base64.b64decode(message["body"])))
    attributes = {name: str(value) for name, value in event.get_attributes().items() if name != "time"}
    return {"attributes": attributes, "data": repr(event.get_data())}

given = json.load(sys.stdin)
if sys.argv[1] == "read":
    print(json.dumps([read(each) for each in given]))
else:
    data = {"object": {"name": "Zoë", "n": 1.5}, "text": "plain", "bytes": bytes([0, 255, 128])}
    types = {"object": "application/json", "text": "text/plain", "bytes": "application/octet-stream"}
    messages = []
    for kind, value in data.items():
        for write in (to_binary_event, to_structured_event):
            attributes = {"type": "com.example.order", "source": "/shop", "id": kind + write.__name__,
                          "specversion": "1.0", "datacontenttype": types[kind], "subject": "Euro €", "tenant": "north"}
            messages.append(written(write(CloudEvent(attributes, value))))
    print(json.dumps(messages))
`;

interface Message {
  readonly headers: Record<string, string>;
  /** In Base64. */
  readonly body: string;
}

test("events of the Python SDK reach a function as they were sent, and the SDK reads them as its own", {
  skip,
}, async () => {
  const folder = tempDir("cloudevents");
  execFileSync(
    "python3",
    ["-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--target", folder, "cloudevents==2.2.0"],
    { stdio: "pipe" },
  );
  const python = (command: string, input: unknown) => {
    const env = { ...process.env, PYTHONPATH: folder };
    return JSON.parse(String(execFileSync("python3", ["-c", SCRIPT, command], { input: JSON.stringify(input), env })));
  };
  const server = await testControl({ auth: true });
  const bundle = await functionBundle(
    `export const handler = ({ headers, rawBody }) => ({ headers, body: Buffer.from(rawBody ?? "").toString("base64") });`,
  );
  await server.upload(bundle);
  await server.send("PUT", "/-/orgs/acme/endpoints/x", {
    artifact: { kind: "bundle", digest: digestOf(bundle) },
    settings: { replicas: 0, subscriptions: [{ extensions: { tenant: "north" } }] },
  });
  const authorization = `Bearer ${server.adminToken}`;
  const sent: readonly Message[] = python("write", {});
  const delivered: Message[] = [];
  for (const { headers, body } of sent) {
    const response = await fetch(`${server.url}/-/orgs/acme/events`, {
      method: "POST",
      headers: { ...headers, authorization },
      body: new Uint8Array(Buffer.from(body, "base64")),
    });
    // biome-ignore lint/suspicious/noExplicitAny: the fields are those of the API
    const accepted: any = await response.json();
    assert.equal(response.status, 202, JSON.stringify(accepted));
    const [{ location }] = accepted.calls;
    await server.send("GET", `${location}?wait=30s`);
    const result = await fetch(`${server.url}${location}/response`, { headers: { authorization } });
    delivered.push((await result.json()) as Message);
  }
  assert.deepEqual(
    delivered.map(({ body }) => body),
    sent.map(({ body }) => body),
  );
  assert.deepEqual(python("read", delivered), python("read", sent));
});
