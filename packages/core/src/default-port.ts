/** TCP port of the control server and the gateway when none is set. */
export const DEFAULT_PORT = 8887;
