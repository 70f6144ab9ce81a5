/**
 * Chooses the gateway that owns a resource, by rendezvous hashing: every gateway with the same members chooses the same one, and a member that joins or leaves
 * changes the owner only of what it gets or had.
 * @param members ids; at least one
 */
export function ownerOf(key: string, members: Iterable<string>): string {
  let owner = "";
  let highest = -1;
  for (const member of members) {
    const weight = hash(key, hash(member, 0x811c9dc5));
    if (weight > highest || (weight === highest && member < owner)) {
      owner = member;
      highest = weight;
    }
  }
  return owner;
}

/** Computes 32 bits of a text: FNV-1a with the finalizer of MurmurHash3, which spreads the last characters over all bits. */
export function hash(text: string, seed: number): number {
  let state = seed;
  for (let index = 0; index < text.length; index++) state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}
