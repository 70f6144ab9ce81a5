import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

/** Finds a port that is free now, for servers that cannot choose one themselves. Prefer port 0 wherever a server reports its own. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
