import type { SlotCount, SlotsMessage } from "../messages.ts";

interface Draft {
  grants?: SlotCount[];
  returns?: SlotCount[];
  wants?: (readonly [key: string, slots: number, received: number])[];
  recalls?: (readonly [key: string, slots: number, keep: number])[];
}

/** Collects what is to be sent to each gateway, for one message. */
export class SlotOutbox {
  readonly #drafts = new Map<string, Draft>();

  grant(member: string, key: string, holder: string, slots: number): void {
    const draft = this.#of(member);
    draft.grants ??= [];
    draft.grants.push([key, holder, slots]);
  }

  giveBack(member: string, key: string, holder: string, slots: number): void {
    const draft = this.#of(member);
    draft.returns ??= [];
    draft.returns.push([key, holder, slots]);
  }

  want(member: string, key: string, slots: number, received: number): void {
    const draft = this.#of(member);
    draft.wants ??= [];
    draft.wants.push([key, slots, received]);
  }

  recall(member: string, key: string, slots: number, keep: number): void {
    const draft = this.#of(member);
    draft.recalls ??= [];
    draft.recalls.push([key, slots, keep]);
  }

  /** Passes on what was collected, and starts again. */
  flush(view: string, send: (member: string, message: SlotsMessage) => void): void {
    if (this.#drafts.size === 0) return;
    const drafts = [...this.#drafts];
    this.#drafts.clear();
    for (const [member, draft] of drafts) send(member, { type: "slots", view, ...draft });
  }

  #of(member: string): Draft {
    let draft = this.#drafts.get(member);
    if (draft === undefined) {
      draft = {};
      this.#drafts.set(member, draft);
    }
    return draft;
  }
}
