import type { EndpointSpec } from "@faas/core";
import type { V1Volume } from "@kubernetes/client-node";

/** Name of the resource for files on a node: those in volumes without a medium, and the logs of containers. */
export const DISK_RESOURCE = "ephemeral-storage";
/** Part of its disk limit that a replica reserves on its node: few functions write as much as they may. */
const REQUEST_RATIO = 0.25;
/** Space for the log files of a container, which the kubelet rotates: five of 10 MiB by default. They do not count towards the endpoint's limit. */
const LOG_BYTES = 64 * 2 ** 20;
/** Limit of the dependencies and the code that a warm pod copies, which are part of the image in other pods. */
const CODE_BYTES = 10 * 2 ** 30;
/** Limit of the file with a warm pod's claim. */
const CLAIM_BYTES = 16 * 2 ** 20;

/** Returns the disk request for a disk limit. */
export const requestedDiskBytes = (limitBytes: number): number => Math.floor(limitBytes * REQUEST_RATIO);

/** Returns the disk limit for a disk request. */
export const limitOfRequestedDisk = (requestBytes: number): number => Math.round(requestBytes / REQUEST_RATIO);

/**
 * Returns the volume for an endpoint's files. Its limit is that of the endpoint: the kubelet evicts a pod whose volume is larger. The container's limit
 * is above it, for logs.
 */
export const filesVolume = ({ diskBytes }: Pick<EndpointSpec, "diskBytes">): V1Volume => ({
  name: "tmp",
  emptyDir: { sizeLimit: String(diskBytes) },
});

/** Returns the volumes in which a warm pod gets its function. */
export const warmVolumes: readonly V1Volume[] = [
  { name: "code", emptyDir: { sizeLimit: String(CODE_BYTES) } },
  { name: "claim", emptyDir: { sizeLimit: String(CLAIM_BYTES) } },
];

/** Returns the disk that a container may use, and the disk that it reserves. */
export const diskOf = ({ diskBytes }: Pick<EndpointSpec, "diskBytes">) => ({
  limit: { [DISK_RESOURCE]: String(diskBytes + LOG_BYTES) },
  request: { [DISK_RESOURCE]: String(requestedDiskBytes(diskBytes)) },
});

/** Returns the limit of a warm pod's container, whose code is in a volume. */
export const warmDiskLimit = ({ diskBytes }: Pick<EndpointSpec, "diskBytes">) => ({
  [DISK_RESOURCE]: String(diskBytes + LOG_BYTES + CODE_BYTES + CLAIM_BYTES),
});
