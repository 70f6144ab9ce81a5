import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { FaasError, type Logger } from "@faas/core";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, credsAuthenticator, type NatsConnection, type NodeConnectionOptions } from "@nats-io/transport-node";
import { parseQueueUrl, type QueueUrl, withoutLogin } from "./queue-url.ts";

/** Oldest server with a time to live for each message. */
const MIN_VERSION = "2.11.0";
const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_WAIT_MS = 250;
const CLOSE_TIMEOUT_MS = 500;
const PING_INTERVAL_MS = 5_000;
/** Headers and a part of a body have to fit into one message. */
const MIN_PAYLOAD_BYTES = 64 * 2 ** 10;

export interface ConnectionOptions {
  readonly url: string;
  /** File with a user's JWT and key. */
  readonly credentialsFile?: string;
  readonly log?: Logger | undefined;
}

/** Connection to a NATS server with JetStream, which is restored whenever it is lost. */
export class Connection implements AsyncDisposable {
  readonly client: NatsConnection;
  readonly manager: JetStreamManager;
  readonly url: QueueUrl;
  /** URL without user and password. */
  readonly shownUrl: string;
  readonly #log: Logger | undefined;
  #connected = Promise.withResolvers<void>();
  isConnected = true;
  /** Called when the connection is lost, and when it is there again. */
  onChange: (isConnected: boolean) => void = () => {};

  /** @throws QUEUE_UNAVAILABLE, QUEUE_CONFIG_INVALID, USAGE */
  static async open({ url: text, credentialsFile, log }: ConnectionOptions): Promise<Connection> {
    const url = parseQueueUrl(text);
    const shownUrl = withoutLogin(text);
    const options = await connectionOptions(url, credentialsFile);
    const client = await connect(options).catch((error: Error) => {
      throw unavailable(shownUrl, `does not accept the connection: ${error.message}`, error);
    });
    try {
      checkServer(client, shownUrl);
      const manager = await jetstreamManager(client, { timeout: CONNECT_TIMEOUT_MS }).catch((error: Error) => {
        throw withoutJetStream(shownUrl, error);
      });
      return new Connection(client, manager, url, shownUrl, log);
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  private constructor(
    client: NatsConnection,
    manager: JetStreamManager,
    url: QueueUrl,
    shownUrl: string,
    log: Logger | undefined,
  ) {
    this.client = client;
    this.manager = manager;
    this.url = url;
    this.shownUrl = shownUrl;
    this.#log = log;
    this.#connected.resolve();
    void this.#watch();
  }

  /** Largest message, with its headers. */
  get maxPayload(): number {
    return this.client.info?.max_payload ?? MIN_PAYLOAD_BYTES;
  }

  /** Resolves when there is a connection, or never will be. */
  get connected(): Promise<void> {
    return this.#connected.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.onChange = () => {};
    // The client would write the rest to a socket that it no longer watches: an error there would end the process.
    await Promise.race([this.client.flush().catch(() => {}), delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    await this.client.close();
    this.#connected.resolve();
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.client.status()) {
      if (type === "disconnect" && this.isConnected) {
        this.isConnected = false;
        this.#connected = Promise.withResolvers();
        this.#log?.warn({ queue: this.shownUrl }, "lost the connection to the queue, will reconnect");
        this.onChange(false);
      } else if (type === "reconnect" && !this.isConnected) {
        this.isConnected = true;
        this.#connected.resolve();
        this.#log?.info({ queue: this.shownUrl }, "reconnected to the queue");
        this.onChange(true);
      }
    }
    this.isConnected = false;
    this.#connected.resolve();
  }
}

async function connectionOptions(url: QueueUrl, credentialsFile: string | undefined): Promise<NodeConnectionOptions> {
  const { servers, tls, user, secret } = url;
  return {
    servers: [...servers],
    name: "faas",
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    pingInterval: PING_INTERVAL_MS,
    // A login may be wrong for a while, when it is replaced.
    ignoreAuthErrorAbort: true,
    ...(tls ? { tls: {} } : {}),
    ...(user === undefined ? {} : { user, pass: secret ?? "" }),
    ...(user === undefined && secret !== undefined ? { token: secret } : {}),
    ...(credentialsFile === undefined
      ? {}
      : { authenticator: credsAuthenticator(await readCredentials(credentialsFile)) }),
  };
}

const readCredentials = (file: string) =>
  readFile(file).catch((error: Error) => {
    throw new FaasError("USAGE", `Expected a readable file in --queue-credentials: ${error.message}`, { cause: error });
  });

/** @throws QUEUE_CONFIG_INVALID */
function checkServer({ info }: NatsConnection, shownUrl: string): void {
  const version = info?.version ?? "0.0.0";
  if (version.localeCompare(MIN_VERSION, "en", { numeric: true }) < 0)
    throw invalidConfig(shownUrl, `Expected version ${MIN_VERSION} or later, got ${version}`);
  if (info && info.max_payload < MIN_PAYLOAD_BYTES)
    throw invalidConfig(shownUrl, `Expected max_payload of at least ${MIN_PAYLOAD_BYTES}, got ${info.max_payload}`);
}

function withoutJetStream(shownUrl: string, cause: Error): FaasError {
  if (cause.name === "TimeoutError") return unavailable(shownUrl, "does not respond", cause);
  return invalidConfig(
    shownUrl,
    `JetStream is not available: ${cause.message}. Start the server with --jetstream, and enable it for the account`,
    cause,
  );
}

/** Returns an error about a NATS server that does not do what is expected. */
export const unavailable = (shownUrl: string, problem: string, cause?: Error): FaasError =>
  new FaasError("QUEUE_UNAVAILABLE", `The NATS server at ${shownUrl} ${problem}`, { cause });

/** Returns an error about a setting of a NATS server. */
export const invalidConfig = (shownUrl: string, problem: string, cause?: Error): FaasError =>
  new FaasError("QUEUE_CONFIG_INVALID", `The NATS server at ${shownUrl} cannot keep the queue. ${problem}`, { cause });
