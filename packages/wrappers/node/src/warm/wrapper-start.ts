import type { ListenOptions } from "node:net";
import type { Server } from "../node-http.ts";

/** Functions of main.ts that a warm process uses. */
export interface WrapperStart {
  /** Serves a request with a function that does nothing. */
  readonly rehearse: (address: string | ListenOptions, sendRequest: (server: Server) => Promise<void>) => Promise<void>;
  /** Loads the code in a folder, and serves it with a server that listens. */
  readonly start: (folder: string, server: Server) => void;
}
