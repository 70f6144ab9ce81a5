import type { PeerMessage } from "./messages.ts";
import type { PeerConnection } from "./peer-connection.ts";

/** The connections of a gateway to others: those whose other end has introduced itself, by its id, and new ones. */
export class PeerConnections {
  readonly #byMember = new Map<string, PeerConnection>();
  readonly #new = new Set<PeerConnection>();

  /** Ids of the connected members. */
  members(): string[] {
    return [...this.#byMember.keys()];
  }

  get(member: string): PeerConnection | undefined {
    return this.#byMember.get(member);
  }

  has(member: string): boolean {
    return this.#byMember.has(member);
  }

  hasName(name: string): boolean {
    for (const { member } of this.#byMember.values()) if (member?.name === name) return true;
    return false;
  }

  addNew(connection: PeerConnection): void {
    this.#new.add(connection);
  }

  /** The other end of a new connection has introduced itself. */
  introduced(connection: PeerConnection, member: string): void {
    this.#new.delete(connection);
    this.#byMember.set(member, connection);
  }

  /** Forgets a connection that ended, or is refused. */
  forgetNew(connection: PeerConnection): void {
    this.#new.delete(connection);
  }

  /** Closes the connection to a member. */
  drop(member: string): void {
    this.#byMember.get(member)?.close();
    this.#byMember.delete(member);
  }

  /** Sends a message to a connected member; to another one it is lost. */
  send(member: string, message: PeerMessage): void {
    this.#byMember.get(member)?.send(message);
  }

  broadcast(message: PeerMessage): void {
    for (const connection of this.#byMember.values()) connection.send(message);
  }

  /** Lists connections on which nothing was received since a time. */
  silentSince(ms: number): PeerConnection[] {
    return [...this.#byMember.values(), ...this.#new].filter(({ heardMs }) => heardMs < ms);
  }

  closeNew(): void {
    for (const connection of this.#new) connection.close();
    this.#new.clear();
  }
}
