import type { Queue } from "../../../packages/server/src/queue/queue.ts";

interface Entry {
  readonly topic: string;
  readonly body: string;
  status: string;
  note: string | undefined;
  /** Changes that were not acknowledged: the state is not certain. */
  open: number;
}

/** Everything that a queue has acknowledged over several lives, and a list of what it did not keep. */
export class QueueLedger {
  readonly #messages = new Map<string, Entry>();
  /** Message by topic and idempotency key. */
  readonly #keys = new Map<string, string>();
  /** Topic and key by body, of messages whose enqueue was not acknowledged. */
  readonly #adding = new Map<string, string>();
  readonly lost: string[] = [];
  acknowledged = 0;

  /** Notes the lines of a process; the last one may be incomplete. */
  note(output: string): void {
    for (const line of output.split("\n").slice(0, -1)) this.#line(JSON.parse(line));
  }

  /** Compares a queue that was opened again; messages and changes that were not acknowledged are taken as they are. */
  async compare(queue: Queue): Promise<void> {
    const states = new Map(queue.list({ group: "acme", limit: 1e6 }).map((state) => [state.id, state]));
    for (const [id, message] of this.#messages) {
      const state = states.get(id);
      if (message.open === 0) {
        const expected = message.status === "removed" ? undefined : message.status;
        if (state?.status !== expected) this.lost.push(`${id}: expected ${expected}, got ${state?.status}`);
      }
      if (state) await this.#compareMessage(queue, id, message);
      // Removed or lost: counted once.
      else this.#messages.delete(id);
    }
    for (const { id } of states.values()) if (!this.#messages.has(id)) await this.#adopt(queue, id);
    this.#adding.clear();
  }

  async #compareMessage(queue: Queue, id: string, message: Entry): Promise<void> {
    const read = await queue.read(id);
    const body = read?.body?.toString() ?? message.body;
    const hasNote = message.note === undefined || read?.notes.some((note) => note.toString() === message.note);
    if (body !== message.body || !hasNote) this.lost.push(`${id}: another body or no note ${message.note}`);
    message.status = read?.status ?? "removed";
    message.open = 0;
  }

  async #adopt(queue: Queue, id: string): Promise<void> {
    const read = await queue.read(id);
    const body = read?.body?.toString() ?? "";
    const key = this.#adding.get(body);
    if (!read || key === undefined) {
      this.lost.push(`${id}: a message that was removed, or never added`);
      return;
    }
    this.#adding.delete(body);
    if (!key.endsWith("\n")) this.#addKey(key, id, false);
    this.#messages.set(id, { topic: read.topic, body, status: read.status, note: undefined, open: 0 });
  }

  #addKey(key: string, id: string, isDuplicate: boolean): void {
    const known = this.#keys.get(key);
    if ((known ?? id) !== id || (known !== undefined && !isDuplicate && known !== id))
      this.lost.push(`${key}: two messages, ${known} and ${id}`);
    this.#keys.set(key, id);
  }

  #line([event, ...fields]: [string, ...unknown[]]): void {
    const [first, second, third, fourth, isDuplicate] = fields as [string, string, string, string, boolean];
    const message = this.#messages.get(first);
    switch (event) {
      case "adding":
        this.#adding.set(third, `${first}\n${second}`);
        return;
      case "added":
        this.acknowledged++;
        if (third) this.#addKey(`${second}\n${third}`, first, isDuplicate);
        this.#adding.delete(fourth);
        // Its outcome may have been reported before.
        if (!isDuplicate && !message)
          this.#messages.set(first, { topic: second, body: fourth, status: "waiting", note: undefined, open: 0 });
        return;
      case "changing":
        if (message) message.open++;
        return;
      case "changed":
        this.acknowledged++;
        if (!message) return;
        message.open--;
        if (second) message.status = second;
        if (third && second !== "removed") message.note = third;
    }
  }
}
