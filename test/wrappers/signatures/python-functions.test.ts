import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { start } from "../contract.ts";
import { wrappers } from "../languages.ts";

const knative = { ...wrappers.Python, file: "func.py" };
/** Answers with the greeting of the function's start. */
const instance = `
def new():
    return Function()

class Function:
    def start(self, settings):
        self.greeting = settings["GREETING"]

    def stop(self):
        print("stopped", flush=True)

    async def handle(self, scope, receive, send):
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": (self.greeting + scope["path"]).encode()})
`;

describe("functions for Knative in Python", { concurrency: true }, () => {
  const settings: Record<string, string>[] = [{}, { FAAS_HANDLER: "func.new", FAAS_SIGNATURE: "knative" }];
  for (const env of settings) {
    test(`are made by new(), and start and stop with the replica: ${JSON.stringify(env)}`, async () => {
      await using wrapper = await start(knative, instance, { ...env, GREETING: "Hi" });
      const { status, text } = await wrapper.call("/a");
      assert.deepEqual([status, text], [201, "Hi/a"]);
      const closed = new Promise((resolve) => wrapper.child.once("close", resolve));
      wrapper.child.kill("SIGTERM");
      await closed;
      assert.match(wrapper.output(), /stopped/);
    });
  }

  test("may be an async function handle(scope, receive, send)", async () => {
    const text = `
async def handle(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x"})
`;
    await using wrapper = await start(knative, text);
    assert.equal((await wrapper.call("/")).text, "x");
  });
});

const broken: [string, string, Record<string, string>, RegExp][] = [
  [
    "main(context) without Flask",
    "def main(context): return context.request.path",
    { FAAS_SIGNATURE: "knative" },
    /Add parliament-functions to requirements.txt/,
  ],
  [
    "hello(request) without the framework",
    "def hello(request): return 'x'",
    { FAAS_SIGNATURE: "gcf" },
    /Add functions-framework to requirements.txt/,
  ],
  [
    "a missing target",
    "def a(request): return 1\ndef b(request): return 2",
    { FAAS_SIGNATURE: "gcf" },
    /no function of the signature gcf.*file.function/,
  ],
  [
    "an error in new()",
    "def new(): raise ValueError('no database')",
    { FAAS_SIGNATURE: "knative" },
    /ValueError: no database/,
  ],
];
for (const [what, text, env, detail] of broken)
  test(`loading fails with advice: ${what}`, async () => {
    // Isolated from packages of this machine.
    const python = { ...knative, command: [...knative.command, "-I", "-S"] };
    await using wrapper = await start(python, text, env);
    const { status, json } = await wrapper.call("/-/ready");
    assert.deepEqual([status, json().code], [502, "FUNCTION_LOAD_FAILED"]);
    assert.match(json().detail, detail);
  });
