import { z } from "zod";
import type { Immutable } from "../../immutable.ts";

/** Response bodies of the control API about asynchronous calls. */

/** States of an asynchronous call. */
export const asyncCallStates = ["waiting", "running", "completed", "failed"] as const;
export type AsyncCallState = (typeof asyncCallStates)[number];

const deliverySchema = z
  .object({
    startedAt: z.string().describe("RFC 3339, UTC"),
    durationMs: z.number(),
    requestId: z.string().describe("X-Request-Id of the delivery, which is in the endpoint's logs"),
    status: z.int().optional().describe("Status of the response. Absent: there was none"),
    code: z.string().optional().describe("Code of the problem, where no function responded (docs/errors.md)"),
    detail: z.string().optional().describe("Reason of the failure"),
  })
  .meta({ id: "Delivery" });

/** Schema of an asynchronous call. */
export const asyncCallSchema = z
  .object({
    id: z.string(),
    org: z.string(),
    endpoint: z.string(),
    state: z
      .enum(asyncCallStates)
      .describe(
        "waiting: for its first or next delivery. running: a replica processes it. completed: the response can be read. failed: all deliveries failed, and it can be retried or dropped",
      ),
    method: z.string(),
    path: z.string().describe("Path and query, as the function sees them"),
    acceptedAt: z.string().describe("RFC 3339, UTC"),
    nextDeliveryAt: z.string().optional().describe("Time of the next delivery; present while it waits for that time"),
    revision: z.string().optional().describe("Revision or tag that it is for. Absent: the one that serves at delivery"),
    attempts: z.int().describe("Deliveries that have begun since it was accepted or retried"),
    deliveries: z.array(deliverySchema).describe("Deliveries that have ended, the oldest first; at most the last 100"),
    response: z
      .object({
        status: z.int(),
        bytes: z.int().describe("Length of the body"),
        truncated: z.boolean().optional().describe("True: the body was longer, and its end is missing"),
      })
      .optional()
      .describe("Last response of the function; its body is at …/calls/<id>/response"),
    destination: z
      .object({
        to: z.string().describe("Endpoint or URL, as in the settings"),
        call: z.string().optional().describe("Id of the further call. Absent: it was not passed on"),
        code: z.string().optional().describe("Code of the reason why it was not passed on"),
        detail: z.string().optional(),
      })
      .optional()
      .describe("Destination that the ended call was passed on to. Absent: none"),
    keptUntil: z.string().optional().describe("Time at which an ended call is removed. RFC 3339, UTC"),
  })
  .meta({ id: "AsyncCall" });
/** An asynchronous call, as the control API shows it. */
export type AsyncCall = Immutable<z.infer<typeof asyncCallSchema>>;

/** A call in a list: without its deliveries. */
const asyncCallSummarySchema = asyncCallSchema
  .pick({ id: true, org: true, endpoint: true, state: true, acceptedAt: true, attempts: true, nextDeliveryAt: true })
  .extend({ keptUntil: asyncCallSchema.shape.keptUntil })
  .meta({ id: "AsyncCallSummary" });
export type AsyncCallSummary = Immutable<z.infer<typeof asyncCallSummarySchema>>;

/** `GET /-/orgs/<org>/calls`. */
export const asyncCallListSchema = z
  .object({
    calls: z.array(asyncCallSummarySchema).describe("The newest first"),
    totals: z
      .object({ waiting: z.int(), running: z.int(), completed: z.int(), failed: z.int(), bytes: z.int() })
      .describe("Calls of the organization, or of the endpoint, by state, and bytes of the bodies that are stored"),
  })
  .meta({ id: "AsyncCallList" });
export type AsyncCallList = Immutable<z.infer<typeof asyncCallListSchema>>;

/** Body of the 202 to a call with `Prefer: respond-async`. */
export const asyncCallAcceptedSchema = z
  .object({
    id: z.string(),
    location: z.string().describe("Path of the call at the control API: /-/orgs/<org>/calls/<id>"),
    duplicate: z.boolean().optional().describe("True: an earlier call has the Idempotency-Key, and this is its id"),
  })
  .meta({ id: "AsyncCallAccepted" });
export type AsyncCallAccepted = Immutable<z.infer<typeof asyncCallAcceptedSchema>>;
