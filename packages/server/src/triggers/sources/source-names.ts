import { createHash } from "node:crypto";
import { type EndpointRef, type Source, sourceIdentity } from "@faas/core";

/** Source of an endpoint of one installation. */
export interface OwnedSource {
  /** Name of the installation. */
  readonly instance: string;
  readonly ref: EndpointRef;
  readonly source: Source;
}

/** Returns the text that is the same for two sources that have one position or one queue group. */
export const sourceKey = ({ ref: { org, endpoint }, source }: Omit<OwnedSource, "instance">): string => {
  const { stream, subject, queueGroup: group, startAt } = sourceIdentity(source);
  return JSON.stringify([org, endpoint, stream, subject, group, startAt]);
};

/** Returns the name of the durable consumer of a stream: the same for all revisions of the endpoint, and different for other installations. */
export const consumerName = (owned: OwnedSource): string =>
  `faas-${owned.ref.org}-${owned.ref.endpoint}-${digestOf(owned.instance + sourceKey(owned))}`;

/** Returns the queue group of a subject. Names with a dot cannot be set, so no other endpoint has it. */
export const queueGroup = (owned: OwnedSource): string =>
  owned.source.queueGroup ??
  `faas.${owned.ref.org}.${owned.ref.endpoint}.${digestOf(owned.instance + sourceKey(owned))}`;

const digestOf = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 16);
