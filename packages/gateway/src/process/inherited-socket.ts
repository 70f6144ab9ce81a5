/** First of the inherited sockets, after standard input, output and error: sd_listen_fds(3). */
const FIRST_DESCRIPTOR = 3;

/**
 * Returns the listening socket that this process inherited, announced in the environment as by systemd (sd_listen_fds(3)); `undefined` if there is none.
 * Removes the announcement, which is not for child processes.
 */
export function inheritedSocket(env: NodeJS.ProcessEnv = process.env): { readonly fd: number } | undefined {
  const { LISTEN_PID, LISTEN_FDS } = env;
  if (LISTEN_PID !== String(process.pid) || !(Number(LISTEN_FDS) >= 1)) return undefined;
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete env[name];
  return { fd: FIRST_DESCRIPTOR };
}
