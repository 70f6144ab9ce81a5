import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  ReplayPolicy,
} from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { headersOf, type Receiver } from "./receiver.ts";
import { consumerName, type OwnedSource } from "./source-names.ts";
import { checkSourceAllowed, subjectOf } from "./source-policy.ts";

/** Longer than the queue takes to store a message, or to say that it cannot. */
const ACK_WAIT_MS = 10_000;
/** Messages that are being stored at a time. */
const MAX_PENDING = 128;
/** Requests for messages are repeated after this time; half of it without a sign of life is a lost request. */
const PULL_MS = 5_000;
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 60_000;

/** Receives the messages of a stream until the signal aborts, through a durable consumer. A message is acknowledged when it is stored. */
export async function receiveStream(receiver: Receiver): Promise<void> {
  const { connection, owned, signal } = receiver;
  const stream = owned.source.stream as string;
  checkSourceAllowed(owned.ref.org, owned.source, receiver.allowed(), connection.url.stream);
  const { created } = await connection.manager.streams.info(stream);
  const name = consumerName(owned);
  await receiver.exclusively(name, () => ensureConsumer(receiver, stream, name));
  const consumer = await jetstream(connection.client).consumers.get(stream, name);
  const messages = await consumer.consume({
    ...{ max_messages: pendingOf(owned), expires: PULL_MS, abort_on_missing_resource: true },
  });
  const stop = () => void messages.close();
  signal.addEventListener("abort", stop, { once: true });
  const pending = new Set<Promise<void>>();
  try {
    if (signal.aborted) stop();
    else receiver.onActive();
    for await (const message of messages) {
      // Not awaited: the queue stores messages together. The consumer has no more of them in progress than it may.
      const work = take(receiver, message, `${name} ${created}`)
        // NATS sends a message without an acknowledgement again.
        .catch(() => {})
        .finally(() => pending.delete(work));
      pending.add(work);
    }
  } finally {
    signal.removeEventListener("abort", stop);
    await Promise.all(pending);
  }
}

async function take({ take: accept }: Receiver, message: JsMsg, consumer: string): Promise<void> {
  const { subject, data, info } = message;
  const taken = await accept({
    ...{ subject, data, headers: headersOf(message) },
    stream: { name: info.stream, sequence: info.streamSequence, timestamp: message.timestamp },
    identity: `${consumer} ${info.streamSequence}`,
  });
  if ("id" in taken) message.ack();
  else if (taken.outcome === "rejected") message.term(taken.error.code);
  else if (taken.error.code === "SERVER_STOPPING") message.nak();
  else message.nak(Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(10, info.deliveryCount - 1)));
}

/** In order, a message has to be stored before the next one is sent: otherwise one that is sent again would be behind others. */
const pendingOf = ({ source }: OwnedSource) => (source.order === undefined ? MAX_PENDING : 1);

/** Creates the consumer, or changes the settings that may differ from those of an earlier revision. */
async function ensureConsumer(receiver: Receiver, stream: string, name: string): Promise<void> {
  const { connection, owned, ackWaitMs = ACK_WAIT_MS } = receiver;
  const { consumers } = connection.manager;
  const mutable = { ack_wait: nanos(ackWaitMs), max_ack_pending: pendingOf(owned) };
  const found = await consumers.info(stream, name).catch((error: Error) => {
    if (error.name === "ConsumerNotFoundError" || error.message === "consumer not found") return undefined;
    throw error;
  });
  // Before it exists: it is removed even if the server ends here.
  await receiver.onConsumer({ stream, consumer: name });
  if (found === undefined) await consumers.add(stream, { ...configOf(owned, name), ...mutable });
  else if (!hasSettings(found, mutable)) await consumers.update(stream, name, mutable);
}

const hasSettings = ({ config }: ConsumerInfo, { ack_wait, max_ack_pending }: Partial<ConsumerConfig>) =>
  config.ack_wait === ack_wait && config.max_ack_pending === max_ack_pending;

function configOf({ instance, ref, source }: OwnedSource, name: string): Partial<ConsumerConfig> {
  const { startAt = "new" } = source;
  return {
    durable_name: name,
    description: `Source of the function ${ref.org}/${ref.endpoint}`,
    ack_policy: AckPolicy.Explicit,
    replay_policy: ReplayPolicy.Instant,
    filter_subject: subjectOf(ref.org, source),
    max_deliver: -1,
    metadata: { "faas-instance": instance, "faas-endpoint": `${ref.org}/${ref.endpoint}` },
    ...(startAt === "new"
      ? { deliver_policy: DeliverPolicy.New }
      : startAt === "all"
        ? { deliver_policy: DeliverPolicy.All }
        : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(startAt).toISOString() }),
  };
}
