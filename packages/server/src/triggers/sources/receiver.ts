import type { FaasError } from "@faas/core";
import type { MsgHdrs } from "@nats-io/transport-node";
import type { Connection } from "../../queue/nats/connection.ts";
import type { StreamConsumer } from "./consumer-list.ts";
import type { Taken } from "./source-intake.ts";
import type { SourceMessage } from "./source-message.ts";
import type { OwnedSource } from "./source-names.ts";

/** A source that is being received, and what that needs. */
export interface Receiver {
  readonly owned: OwnedSource;
  readonly connection: Connection;
  /** Aborted when no more messages should be received. */
  readonly signal: AbortSignal;
  /** Time after which a message is sent again that was neither acknowledged nor delayed. */
  readonly ackWaitMs?: number | undefined;
  onActive(): void;
  /** Called before a consumer is created. */
  onConsumer(consumer: StreamConsumer): Promise<void>;
  /** Runs work on a consumer, one at a time. */
  exclusively(consumer: string, work: () => Promise<void>): Promise<void>;
  /** Subjects that the organization may use beside its own. */
  allowed(): readonly string[];
  mayReply(subject: string): boolean;
  take(message: SourceMessage): Promise<Taken>;
  reject(error: FaasError): Taken;
}

/** Returns the headers of a message; none if they are malformed: the client parses them when they are read, and throws. */
export function headersOf(message: { readonly headers?: MsgHdrs }): readonly (readonly [string, readonly string[]])[] {
  try {
    return [...(message.headers ?? [])];
  } catch {
    return [];
  }
}
