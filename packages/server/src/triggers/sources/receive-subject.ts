import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import { headers, type Msg } from "@nats-io/transport-node";
import { headersOf, type Receiver } from "./receiver.ts";
import { queueGroup } from "./source-names.ts";
import { subjectOf } from "./source-policy.ts";

/** Messages of one source that wait for the queue. NATS sends them however long that takes. */
const MAX_PENDING = 1_000;
const DRAIN_MS = 500;

/**
 * Receives the messages of a subject until the signal aborts, with core NATS: those that nobody receives are lost. Of a queue group, one subscriber gets a
 * message.
 */
export async function receiveSubject(receiver: Receiver): Promise<void> {
  const { connection, owned, signal } = receiver;
  const { client } = connection;
  const pending = new Set<Promise<void>>();
  let failure: Error | undefined;
  const subscription = client.subscribe(subjectOf(owned.ref.org, owned.source), {
    queue: queueGroup(owned),
    callback(error, message) {
      if (error) failure = error;
      else {
        // A reply fails when the connection is closed: then nobody waits for it.
        const work = take(receiver, message, pending.size)
          .catch(() => {})
          .finally(() => pending.delete(work));
        pending.add(work);
      }
    },
  });
  const stop = async () => {
    // Without a connection there is nothing to wait for.
    if (connection.isConnected) await Promise.race([subscription.drain(), delay(DRAIN_MS)]).catch(() => {});
    subscription.unsubscribe();
  };
  const onAbort = () => void stop();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    await Promise.race([client.flush(), subscription.closed]);
    if (!failure) receiver.onActive();
    const ended = await subscription.closed;
    await Promise.all(pending);
    failure ??= ended ?? undefined;
  } finally {
    signal.removeEventListener("abort", onAbort);
    subscription.unsubscribe();
  }
  if (failure && !signal.aborted) throw failure;
}

async function take({ owned, take: accept, reject, mayReply }: Receiver, message: Msg, pending: number): Promise<void> {
  const { subject, data, reply } = message;
  const fields = headersOf(message);
  const [, [id] = []] = fields.find(([name]) => name === "Nats-Msg-Id") ?? [];
  const taken =
    pending >= MAX_PENDING
      ? reject(new FaasError("QUEUE_FAILED", `${MAX_PENDING} messages of this source wait for the queue already`))
      : await accept({
          ...{ subject, data, headers: fields },
          ...(id ? { identity: JSON.stringify([subject, id]) } : {}),
        });
  if (owned.source.reply === undefined || !reply || !mayReply(reply)) return;
  if ("id" in taken) {
    const location = `/-/orgs/${owned.ref.org}/calls/${taken.id}`;
    const duplicate = taken.outcome === "duplicate" ? { duplicate: true } : {};
    message.respond(JSON.stringify({ id: taken.id, location, ...duplicate }));
    return;
  }
  const { code, status, message: detail } = taken.error;
  // As the services of NATS report errors (ADR-32).
  const described = headers();
  described.set("Nats-Service-Error", detail.replaceAll(/[^\x20-\x7e]/g, "?"));
  described.set("Nats-Service-Error-Code", String(status));
  message.respond(JSON.stringify({ code, status, detail }), { headers: described });
}
