import { Agent, request } from "node:http";

/** Response of the function. */
export interface Answer {
  readonly revision: string;
  /** Name of the gateway that passed the call on. */
  readonly gateway: string;
  /** Cookie that keeps the caller at its revision, if the gateway set one. */
  readonly cookie: string | undefined;
}

/** Calls an endpoint over a number of connections, which the kernel distributes over the gateways. */
export class Caller implements Disposable {
  readonly #url: string;
  readonly #agent: Agent;

  constructor(url: string, connections: number) {
    this.#url = url;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: "fifo" });
  }

  /** @throws Error unless the status is 200 */
  call(headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request(this.#url, { headers, agent: this.#agent }, (response) => {
        let text = "";
        response.setEncoding("latin1").on("data", (chunk) => (text += chunk));
        response.on("error", reject).on("end", () => {
          if (response.statusCode !== 200) return reject(new Error(`${response.statusCode} ${text}`));
          const [, gateway = ""] = /gateway;desc=([^,]+)/.exec(String(response.headers["server-timing"])) ?? [];
          const [cookie] = response.headers["set-cookie"] ?? [];
          resolve({ revision: text, gateway, cookie: cookie?.split(";", 1)[0] });
        });
      });
      sent.on("error", reject).end();
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
