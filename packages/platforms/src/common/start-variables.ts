import type { EndpointSpec } from "@faas/core";

/** Environment variables that a runtime or its libraries read when they start, which is too late for a process that waits for its function. */
const READ_AT_START = /^(?:NODE_|PYTHON|LD_|DYLD_|GLIBC_|MALLOC_|OPENSSL_|SSL_|UV_|LC_|LANG$|TZ$)/;

/** Returns true if an endpoint sets a variable that has to be there when its runtime starts. */
export const setsStartVariables = ({ env, secrets }: Pick<EndpointSpec, "env" | "secrets">): boolean =>
  Object.keys({ ...env, ...secrets }).some((name) => READ_AT_START.test(name));
