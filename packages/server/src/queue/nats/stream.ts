import { FaasError, QUEUE_SUBJECT } from "@faas/core";
import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from "@nats-io/jetstream";
import { type Connection, invalidConfig, unavailable } from "./connection.ts";

/** Key of the stream's metadata with the name of the server that it belongs to. */
const OWNER_KEY = "faas-instance";

/** Returns the prefix of the subjects of a stream. */
export const subjectPrefix = (stream: string): string => `${QUEUE_SUBJECT}.${stream}`;

/**
 * Creates the stream if it is missing, and checks it otherwise.
 *
 * @param instance name of this installation
 * @throws QUEUE_CONFIG_INVALID when it has other settings, or belongs to another installation
 * @throws QUEUE_UNAVAILABLE
 */
export async function ensureStream(connection: Connection, instance: string): Promise<void> {
  const { manager, url, shownUrl } = connection;
  const { stream, replicas } = url;
  try {
    const found = await manager.streams.info(stream).catch((error: Error) => {
      if (error.name === "StreamNotFoundError") return undefined;
      throw error;
    });
    if (!found) {
      await manager.streams.add(newStream(stream, replicas ?? 1, instance));
      return;
    }
    checkStream(found.config, instance, shownUrl);
    if (replicas !== undefined && replicas !== found.config.num_replicas)
      await manager.streams.update(stream, { ...found.config, num_replicas: replicas });
  } catch (error) {
    if (error instanceof FaasError) throw error;
    throw unavailable(shownUrl, `cannot provide the stream ${stream}: ${(error as Error).message}`, error as Error);
  }
}

function newStream(name: string, replicas: number, instance: string): Partial<StreamConfig> & { name: string } {
  return {
    name,
    description: "Queue of a FaaS server, which alone may write to it",
    subjects: [`${subjectPrefix(name)}.>`],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    num_replicas: replicas,
    allow_direct: true,
    allow_msg_ttl: true,
    metadata: { [OWNER_KEY]: instance },
  };
}

/** @throws QUEUE_CONFIG_INVALID */
function checkStream(config: StreamConfig, instance: string, shownUrl: string): void {
  const expected = {
    subjects: `${subjectPrefix(config.name)}.>`,
    storage: "file",
    retention: "limits",
    discard: "new",
    max_age: 0,
    max_msgs_per_subject: -1,
    allow_direct: true,
    allow_msg_ttl: true,
  };
  for (const [setting, value] of Object.entries(expected)) {
    const found = config[setting as keyof StreamConfig];
    if (String(found) !== String(value))
      throw invalidConfig(
        shownUrl,
        `Expected the setting ${setting} of the stream ${config.name} to be ${value}, got ${found}. Choose another stream with ?stream=NAME`,
      );
  }
  const owner = config.metadata?.[OWNER_KEY];
  if (owner !== instance)
    throw invalidConfig(
      shownUrl,
      `The stream ${config.name} belongs to the server ${owner}, and this one is ${instance}. Choose another stream with ?stream=NAME`,
    );
}
