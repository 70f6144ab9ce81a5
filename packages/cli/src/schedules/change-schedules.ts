import { type EndpointRef, endpointKey, FaasError, nearest, type ScheduleInput } from "@faas/core";
import type { Client } from "../client/client.ts";

/** Returns the schedules that the newest revision of an endpoint has. */
export const schedulesOf = async (client: Client, ref: EndpointRef): Promise<readonly ScheduleInput[]> =>
  (await client.settings(ref)).settings.schedules ?? [];

/**
 * Returns the schedule with a name.
 *
 * @throws SCHEDULE_NOT_FOUND with a similar name
 */
export function scheduleNamed(schedules: readonly ScheduleInput[], ref: EndpointRef, name: string): ScheduleInput {
  const found = schedules.find((each) => each.name === name);
  if (found) return found;
  const names = schedules.flatMap((each) => each.name ?? []);
  const suggestion = nearest(name, names);
  throw new FaasError("SCHEDULE_NOT_FOUND", `The endpoint ${endpointKey(ref)} has no schedule "${name}"`, {
    extensions: suggestion === undefined ? {} : { suggestion },
  });
}

/** Returns a list with one of its schedules replaced; `undefined` removes it. */
export const withSchedule = (
  schedules: readonly ScheduleInput[],
  name: string | undefined,
  next: ScheduleInput | undefined,
): readonly ScheduleInput[] => schedules.flatMap((each) => (each.name === name ? (next ?? []) : each));
