import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

/** Program for tests: the commands of the client `nats` that docs/nats-sources.md has. The server is $NATS_URL. */
const [command, ...[first = "", second = "", , third = ""]] = process.argv.slice(2);
const TIMEOUT_MS = 10_000;

const connection = await connect({ servers: process.env.NATS_URL ?? "" });
if (command === "pub") connection.publish(first, second);
else if (command === "stream") await addStream(second, third);
else if (command === "req") process.stdout.write(`${await request(first, second)}\n`);
else throw new Error(`Expected pub, req or stream, got ${command}`);
await connection.drain();

async function addStream(name: string, subject: string): Promise<void> {
  await (await jetstreamManager(connection)).streams.add({ name, subjects: [subject] });
}

/** Sends a request, again while nobody is subscribed: the subscription follows the deployment. */
async function request(subject: string, body: string): Promise<string> {
  for (const deadline = Date.now() + TIMEOUT_MS; ; ) {
    try {
      return (await connection.request(subject, body, { timeout: TIMEOUT_MS })).string();
    } catch (error) {
      if (!/no responders/i.test(String(error)) || Date.now() > deadline) throw error;
    }
  }
}
