import type { LoggedEvent, NewEvent } from "./event-log.ts";

/** Facts about an event that decide who gets it. */
export type EventAddress = Pick<NewEvent, "org" | "endpoint" | "isForAdmins"> & Partial<Pick<LoggedEvent, "type">>;

/** Events that a stream has. */
export interface EventFilter {
  /** The only organization of the stream; absent: all, and the server. */
  readonly org?: string | undefined;
  readonly endpoint?: string | undefined;
  /** True for a key that can administer the server, and where no keys are required. */
  readonly isAdmin: boolean;
  /** Checks the type. Absent: all types. */
  readonly hasType?: ((type: string) => boolean) | undefined;
}

/** Returns true if a stream has the event. */
export function isIncluded({ type, ...event }: EventAddress, filter: EventFilter): boolean {
  if (event.isForAdmins && !filter.isAdmin) return false;
  if (filter.org !== undefined && event.org !== filter.org) return false;
  if (filter.endpoint !== undefined && event.endpoint !== filter.endpoint) return false;
  return type === undefined || filter.hasType === undefined || filter.hasType(type);
}
