import { FaasError } from "@faas/core";

/** Returns the engine's own message if an error is a response of the engine. */
export function engineMessage(error: unknown): string {
  const { json, message } = error as { json?: { message?: string } | undefined } & Error;
  return json?.message ?? message;
}

/** Converts an error of the connection to the engine, or an unexpected response of the engine, to a FaasError; returns other errors unchanged. */
export function explainEngineError(error: unknown): unknown {
  const { code, statusCode, syscall } = error as NodeJS.ErrnoException & { statusCode?: number };
  if (error instanceof FaasError) return error;
  if (statusCode !== undefined)
    return new FaasError("BUILD_FAILED", `The Docker engine rejected the request: ${engineMessage(error)}`, {
      cause: error,
    });
  const isConnection = syscall === "connect" || /^(ECONNRESET|ECONNREFUSED|EPIPE|ENOENT)$/.test(code ?? "");
  if (isConnection && syscall !== "open" && syscall !== "stat" && syscall !== "lstat") {
    return new FaasError(
      "DOCKER_UNREACHABLE",
      `The connection to the Docker engine was lost during the build (${code})`,
      {
        cause: error,
      },
    );
  }
  return error;
}
