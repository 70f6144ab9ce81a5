import { FaasError } from "@faas/core";

/** Error of a build without an engine that a build with one may not have. */
export class NeedsDocker extends FaasError {
  constructor({ code, message, extensions, cause }: FaasError) {
    super(code, message, { extensions, cause });
  }
}

/** Marks the errors of a function as {@link NeedsDocker}. */
export async function orNeedsDocker<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof FaasError ? new NeedsDocker(error) : error;
  }
}
