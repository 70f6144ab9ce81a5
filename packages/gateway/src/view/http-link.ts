import { readFileSync } from "node:fs";
import { type RequestOptions, request } from "node:http";
import type { Socket } from "node:net";
import type { ControlAddress } from "../process/control-address.ts";
import type { LinkTransport } from "../protocol/link.ts";
import { LINK_PATH, LINK_PROTOCOL } from "../protocol/messages.ts";
import { connectSocket } from "../protocol/socket-connection.ts";

export interface HttpLinkOptions {
  readonly address: ControlAddress;
  /** File with the token of gateways; read for each link, because it may be replaced. */
  readonly tokenFile?: string;
}

/** Opens links over HTTP: a request with `Upgrade: faas-gateway`. */
export class HttpLinkTransport implements LinkTransport {
  readonly #options: HttpLinkOptions;

  constructor(options: HttpLinkOptions) {
    this.#options = options;
  }

  connect(onOpen: Parameters<LinkTransport["connect"]>[0], onFailed: (error: Error) => void): () => void {
    let isSettled = false;
    const fail = (error: Error) => {
      if (isSettled) return;
      isSettled = true;
      onFailed(error);
    };
    let call: ReturnType<typeof request>;
    try {
      call = request({ ...this.#options.address, ...this.#request() });
    } catch (error) {
      setImmediate(() => fail(error as Error));
      return () => (isSettled = true);
    }
    call.once("error", fail);
    call.once("response", (response) => {
      response.resume();
      fail(new Error(`the control server responded with ${response.statusCode} in place of a link`));
    });
    call.once("upgrade", (_, socket, head) => {
      if (isSettled) return socket.destroy();
      isSettled = true;
      serveLink(socket as Socket, head, onOpen);
    });
    call.end();
    return () => {
      if (isSettled) return;
      isSettled = true;
      call.destroy();
    };
  }

  #request(): RequestOptions {
    const { tokenFile } = this.#options;
    const token = tokenFile === undefined ? undefined : readFileSync(tokenFile, "utf8").trim();
    return {
      method: "POST",
      path: LINK_PATH,
      agent: false,
      headers: {
        Connection: "Upgrade",
        Upgrade: LINK_PROTOCOL,
        "Content-Length": 0,
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
    };
  }
}

/**
 * Makes the socket of an upgraded request one end of a link. Both ends use it.
 * @param head bytes that were received already
 */
export function serveLink(socket: Socket, head: Buffer, onOpen: Parameters<LinkTransport["connect"]>[0]): void {
  socket.setTimeout(0);
  if (head.length > 0) socket.unshift(head);
  connectSocket(socket, onOpen);
}
