import type { Problem } from "@faas/core";
import type { NewAsyncCall } from "./acceptor.ts";
import type { Delivery, DeliveryResponse } from "./recorded-call.ts";

/**
 * Messages about asynchronous calls between the control server and gateways in other processes, on a connection of their own: frames (frames.ts) with
 * these heads. Additive, as the protocol of the link: unknown types and fields are ignored, and new fields are optional.
 */

/** Path that a gateway connects to, with `Upgrade: faas-calls`. */
export const CALLS_PATH = "/-/gateways/calls";

/** Name of the protocol in the header `Upgrade`. */
export const CALLS_PROTOCOL = "faas-calls";

/** Interval of `ping`, both ways. */
export const CALLS_PING_MS = 1_000;

/** Silence after which the connection counts as lost. */
export const CALLS_TIMEOUT_MS = 5_000;

/** Heads of the frames that a gateway sends. Numbers are those of the requests that they belong to. */
export type FromGateway =
  | { readonly type: "accept"; readonly number: number; readonly call: Omit<NewAsyncCall, "body"> }
  | ({ readonly type: "response"; readonly number: number } & Omit<DeliveryResponse, "body">)
  /** Part of the body of a response, for a delivery that is awaited. */
  | { readonly type: "part"; readonly number: number; readonly contentType: string }
  /** Announcement of its end: no further deliveries. */
  | { readonly type: "stopping" }
  | { readonly type: "ping" };

/** Heads of the frames that the control server sends. */
export type FromControlServer =
  | { readonly type: "accepted"; readonly number: number; readonly id: string; readonly isDuplicate: boolean }
  | { readonly type: "rejected"; readonly number: number; readonly problem: Problem }
  | { readonly type: "deliver"; readonly number: number; readonly delivery: Omit<Delivery, "body"> }
  | { readonly type: "abort"; readonly number: number }
  | { readonly type: "ping" };
