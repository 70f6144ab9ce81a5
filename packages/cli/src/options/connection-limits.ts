/** Options about the number of clients of a listener. */
export interface ConnectionSettings {
  readonly maxConnections?: number;
  readonly maxConnectionsPerAddress?: number;
}

/** Returns the limits that were given; the others have defaults. */
export const connectionLimits = ({
  maxConnections: total,
  maxConnectionsPerAddress: perAddress,
}: ConnectionSettings) => ({
  ...(total === undefined ? {} : { total }),
  ...(perAddress === undefined ? {} : { perAddress }),
});
