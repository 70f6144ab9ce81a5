import type { Socket } from "node:net";
import { toProblem } from "@faas/core";
import {
  type AsyncCallAcceptor,
  CallsConnection,
  type Delivery,
  type DeliveryResponse,
  type Frame,
  type FromControlServer,
  type FromGateway,
  type PartListener,
} from "@faas/gateway";

/** Connection of one gateway. */
class CallsSession {
  readonly connection: CallsConnection<FromControlServer, FromGateway>;
  readonly deliveries = new Map<number, (response: DeliveryResponse) => void>();
  readonly partListeners = new Map<number, PartListener>();
  isStopping = false;

  constructor(
    socket: Socket,
    head: Buffer,
    onFrame: (session: CallsSession, frame: Frame<FromGateway>) => void,
    onClose: (session: CallsSession) => void,
  ) {
    this.connection = new CallsConnection(socket, head, {
      onFrame: (frame) => onFrame(this, frame),
      onClose: () => onClose(this),
    });
  }
}

/** Response of a delivery that no gateway has processed to its end. */
const ABORTED: DeliveryResponse = { status: 499, from: "gateway", headers: [], body: Buffer.alloc(0), bytes: 0 };

/** Connections of gateways in other processes for asynchronous calls: takes the calls that they pass on, and lets them deliver others. */
export class CallsSessions implements Disposable {
  readonly #acceptor: AsyncCallAcceptor;
  readonly #sessions = new Set<CallsSession>();
  #lastNumber = 0;
  #isClosed = false;

  constructor(acceptor: AsyncCallAcceptor) {
    this.#acceptor = acceptor;
  }

  /** Number of connected gateways. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Takes the socket of an upgraded request. @param head bytes that were received already */
  open(socket: Socket, head: Buffer): void {
    // Gateways connect again at once: an open socket would keep the listener from closing.
    if (this.#isClosed) return void socket.destroy();
    const session = new CallsSession(
      socket,
      head,
      (from, frame) => this.#onFrame(from, frame),
      (closed) => this.#onClose(closed),
    );
    this.#sessions.add(session);
  }

  /** Delivers a call through the gateway with the fewest deliveries. Without one, the delivery counts as aborted. */
  deliver({ body, ...delivery }: Delivery, signal: AbortSignal, onPart?: PartListener): Promise<DeliveryResponse> {
    const session = this.#leastBusy();
    if (session === undefined || signal.aborted) return Promise.resolve(ABORTED);
    const number = ++this.#lastNumber;
    return new Promise((resolve) => {
      const abort = () => {
        session.connection.send({ type: "abort", number });
        end(ABORTED);
      };
      const end = (response: DeliveryResponse) => {
        signal.removeEventListener("abort", abort);
        session.deliveries.delete(number);
        session.partListeners.delete(number);
        resolve(response);
      };
      session.deliveries.set(number, end);
      if (onPart) session.partListeners.set(number, onPart);
      signal.addEventListener("abort", abort);
      session.connection.send({ type: "deliver", number, delivery }, body);
    });
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const { connection } of this.#sessions) connection.close();
  }

  #leastBusy(): CallsSession | undefined {
    let least: CallsSession | undefined;
    for (const session of this.#sessions)
      if (!session.isStopping && (least === undefined || session.deliveries.size < least.deliveries.size))
        least = session;
    return least;
  }

  #onFrame(session: CallsSession, { head, body }: Frame<FromGateway>): void {
    if (head.type === "accept") void this.#accept(session, head, body);
    else if (head.type === "response") {
      const { type: _, number, ...response } = head;
      session.deliveries.get(number)?.({ ...response, body: Buffer.from(body) });
    } else if (head.type === "part") session.partListeners.get(head.number)?.(body, head.contentType);
    else if (head.type === "stopping") session.isStopping = true;
  }

  async #accept(
    session: CallsSession,
    { number, call }: FromGateway & { type: "accept" },
    body: Buffer,
  ): Promise<void> {
    try {
      const { id, isDuplicate } = await this.#acceptor.accept({ ...call, body });
      session.connection.send({ type: "accepted", number, id, isDuplicate });
    } catch (error) {
      session.connection.send({ type: "rejected", number, problem: toProblem(error) });
    }
  }

  #onClose(session: CallsSession): void {
    this.#sessions.delete(session);
    for (const end of [...session.deliveries.values()]) end(ABORTED);
  }
}
