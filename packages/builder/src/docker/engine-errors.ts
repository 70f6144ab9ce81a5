import { FaasError } from "@faas/core";

/** What the engine itself said, when an error is an answer of its. */
export function engineWords(error: unknown): string {
  const { json, message } = error as { json?: { message?: string } | undefined } & Error;
  return json?.message ?? message;
}

/** An error of the connection to the engine, or of an answer of its that nobody expected, in words; others as they are. */
export function engineFailed(error: unknown): unknown {
  const { code, statusCode, syscall } = error as NodeJS.ErrnoException & { statusCode?: number };
  if (error instanceof FaasError) return error;
  if (statusCode !== undefined)
    return new FaasError("BUILD_FAILED", `The Docker engine refuses: ${engineWords(error)}`, { cause: error });
  const isConnection = syscall === "connect" || /^(ECONNRESET|ECONNREFUSED|EPIPE|ENOENT)$/.test(code ?? "");
  if (isConnection && syscall !== "open" && syscall !== "stat" && syscall !== "lstat") {
    return new FaasError("DOCKER_UNREACHABLE", `The Docker engine went away while it worked (${code})`, {
      cause: error,
    });
  }
  return error;
}
