import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Server } from "node:net";

/**
 * Attaches a filter to the sockets that share a port, which selects the one with an index for each new connection (`ret #index`), or detaches it: socket(7),
 * SO_ATTACH_REUSEPORT_CBPF, SO_DETACH_REUSEPORT_BPF; linux/filter.h. Node has no access to options of sockets.
 */
const PROGRAM = `
open(my $socket, "+<&=", 3) or exit 1;
my $filter = pack("S C C L", 0x06, 0, 0, $ARGV[0] // 0);
exit((@ARGV ? setsockopt($socket, 1, 51, pack("S x![P] P", 1, $filter)) : setsockopt($socket, 1, 68, pack("i", 0))) ? 0 : 2);
`;

/**
 * Makes the kernel pass new connections to another socket on the same port, so that none is left in the queue of this one when it closes: those would be
 * reset. Returns false where that is not possible: without Perl, or on other systems than Linux.
 *
 * @param index of the socket, in the order in which the sockets began to listen; while there is none, the kernel distributes connections as before
 */
export const steerConnections = (server: Server, index: number): Promise<boolean> => run(server, [String(index)]);

/** Lets the kernel distribute new connections again, over all sockets on the port. */
export const distributeConnections = (server: Server): Promise<boolean> => run(server, []);

async function run(server: Server, args: readonly string[]): Promise<boolean> {
  const { _handle: handle } = server as Server & { readonly _handle?: { readonly fd?: number } | null };
  if (process.platform !== "linux" || handle?.fd === undefined || handle.fd < 0) return false;
  const perl = spawn("perl", ["-e", PROGRAM, ...args], { stdio: ["ignore", "ignore", "ignore", handle.fd] });
  try {
    const [code] = await once(perl, "exit");
    return code === 0;
  } catch {
    return false;
  }
}
