/** A replica: counts the calls that it really has, from all gateways. */
export interface SimulatedReplica {
  readonly id: string;
  readonly endpoint: string;
  readonly capacity: number;
  calls: number;
}

/** An invariant that does not hold. */
export class InvariantError extends Error {}
