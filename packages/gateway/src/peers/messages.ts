/**
 * Messages between gateways (docs/decisions/0034-limits-over-gateways.md): JSON objects, one on each line, both ways. The protocol is additive: a receiver
 * ignores messages of unknown types and unknown fields, and new fields are optional.
 */

/** Version of the protocol between gateways; raised only by a change that is not additive. */
export const PEER_PROTOCOL_VERSION = 1;

/** A gateway as a member of the group. A process that starts again, or was taken for dead, is another member. */
export interface Member {
  /** Unique in time: the name, "#" and a number. */
  readonly id: string;
  readonly name: string;
  /** Address for other gateways; empty if it accepts no connections. */
  readonly address: string;
}

/** First message on a connection, both ways. */
export interface PeerHello {
  readonly type: "hello";
  readonly protocol: number;
  /** Secret that all gateways of a control server have. Absent where the address itself is protected: a Unix socket. */
  readonly token?: string;
  readonly member: Member;
}

/** The sender's view of the group. Both ways after `hello`, and after each change. */
export interface ViewMessage {
  readonly type: "view";
  /** Grows with each change. */
  readonly number: number;
  readonly members: readonly Member[];
  /** Members that were removed recently. */
  readonly removed: readonly string[];
  /** True if the sender belongs to the group: a gateway that meets it has met the group. */
  readonly joined?: boolean;
}

/** Slots that the sender has of the resources that the receiver owns in this view; none of those that are not listed. */
export interface SyncMessage {
  readonly type: "sync";
  /** View in which the receiver is the owner: `MembershipView.id`. */
  readonly view: string;
  readonly pools: readonly HeldPool[];
}

/** Slots that a gateway has, and how many calls wait for more. */
export type HeldPool = readonly [
  key: string,
  waiting: number,
  held: readonly (readonly [holder: string, slots: number])[],
];

/** Slots that move, and requests for them. */
export interface SlotsMessage {
  readonly type: "slots";
  readonly view: string;
  /** Slots that the receiver may use from now on; from an owner. */
  readonly grants?: readonly SlotCount[];
  /** Slots that the sender no longer uses; to an owner. */
  readonly returns?: readonly SlotCount[];
  /** Number of slots that the sender could use, and of those that it has received since it last said that; to an owner. */
  readonly wants?: readonly (readonly [key: string, slots: number, received: number])[];
  /**
   * Number of slots that the receiver should return: unused ones, and while it has more than `keep` also those that its waiting calls could use; from an owner.
   */
  readonly recalls?: readonly (readonly [key: string, slots: number, keep: number])[];
}

export type SlotCount = readonly [key: string, holder: string, slots: number];

/** Calls that the sender admitted since its last report, by organization. */
export interface AdmittedMessage {
  readonly type: "admitted";
  readonly calls: readonly (readonly [org: string, calls: number])[];
}

/** Tokens that organizations' buckets have at the sender, full ones left out: for a gateway that joins with full buckets. */
export interface TokensMessage {
  readonly type: "tokens";
  readonly orgs: readonly (readonly [org: string, tokens: number])[];
}

/** Holders that the sender can use and has waited for a slot on: the owner may not know them yet. */
export interface HoldersMessage {
  readonly type: "holders";
  readonly view: string;
  readonly pools: readonly (readonly [key: string, capacity: number, holders: readonly string[]])[];
}

/** The sender ends: it uses nothing any more. */
export interface PeerBye {
  readonly type: "bye";
}

/** Sign of life. */
export interface PeerPing {
  readonly type: "ping";
}

export type PeerMessage =
  | PeerHello
  | ViewMessage
  | SyncMessage
  | SlotsMessage
  | AdmittedMessage
  | TokensMessage
  | HoldersMessage
  | PeerBye
  | PeerPing;
