import { formatSize, parseSize } from "@faas/core";
import type { V1Pod } from "@kubernetes/client-node";
import type { Failure } from "./pod-failures.ts";

/** Messages of the kubelet about a pod that wrote more than it may: to a volume, to the files of its containers, or together. */
const OVER_LIMIT =
  /^(?:Usage of EmptyDir volume "([^"]*)" exceeds the limit|Container \S+ exceeded its local ephemeral storage limit|Pod ephemeral local storage usage exceeds the total limit)/;

/** Returns why a node evicted a pod; `undefined` if it did not. Its containers' ends, by SIGKILL, are the consequence. */
export function evictionFailure({ spec, status }: V1Pod): Failure | undefined {
  if (status?.phase !== "Failed" || status.reason !== "Evicted") return undefined;
  const message = (status.message ?? "").trim();
  const match = OVER_LIMIT.exec(message);
  const evicted = true;
  if (match === null) return { code: "CONTAINER_REFUSED", detail: `The node evicted the pod: ${message}`, evicted };
  if (match[1] === "code")
    return {
      code: "OUT_OF_DISK",
      detail: `The dependencies and the code are too large for a warm pod, which copies them: ${message}`,
      logs: "current",
      evicted,
    };
  const size = parseSize(String(spec?.volumes?.find(({ name }) => name === "tmp")?.emptyDir?.sizeLimit ?? ""));
  const limit = size === undefined ? "limit" : `limit of ${formatSize(size)}`;
  return {
    code: "OUT_OF_DISK",
    detail: `The function used more than its disk ${limit}; deploy it with a larger --disk, or remove files in /tmp`,
    logs: "current",
    evicted,
  };
}
