import { FaasError } from "@faas/core";
export async function installForTarget(..._: unknown[]): Promise<void> {
  throw new FaasError("INSTALL_FAILED", "stub");
}
