import { z } from "zod";
import type { Immutable } from "../../immutable.ts";

/** Response bodies of the control API about triggers. */

const duplicate = z.literal(true).optional().describe("An earlier call delivers it, which has this id");

/** `POST /-/hooks/<org>/<name>`. */
export const hookAcceptedSchema = z
  .object({ id: z.string().describe("Id of the asynchronous call"), duplicate })
  .meta({ id: "HookAccepted" });

/** `POST /-/orgs/<org>/events`. */
export const eventsAcceptedSchema = z
  .object({
    calls: z
      .array(
        z.object({
          event: z.string().describe("Id of the event"),
          index: z.int().describe("Position of the event in the batch, from 0"),
          endpoint: z.string(),
          id: z.string().describe("Id of the asynchronous call"),
          location: z.string().describe("Path of the asynchronous call"),
          duplicate,
        }),
      )
      .describe("The calls that deliver the events: one for each event and endpoint with a subscription that matches"),
  })
  .meta({ id: "EventsAccepted" });
export type EventsAccepted = Immutable<z.infer<typeof eventsAcceptedSchema>>;
