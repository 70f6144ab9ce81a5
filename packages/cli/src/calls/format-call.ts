import { type AsyncCall, type AsyncCallList, type AsyncCallSummary, endpointKey } from "@faas/core";
import { formatAge } from "../terminal/age.ts";
import { columns, humanSize } from "../terminal/output.ts";
import { callKey } from "./call-ref.ts";

type Delivery = AsyncCall["deliveries"][number];

/** Formats a list of calls as a table. */
export function callTable(calls: readonly AsyncCallSummary[], nowMs: number): string {
  const left = (at: string | undefined) => (at === undefined ? "-" : formatAge(Date.parse(at) - nowMs));
  const rows = calls.map((call) => [
    ...[callKey(call), call.endpoint, call.state, String(call.attempts)],
    ...[formatAge(nowMs - Date.parse(call.acceptedAt)), left(call.nextDeliveryAt), left(call.keptUntil)],
  ]);
  return columns(["CALL", "ENDPOINT", "STATE", "ATTEMPTS", "AGE", "NEXT IN", "KEPT FOR"], rows);
}

/** Formats the numbers of calls by state. */
export const formatTotals = ({ waiting, running, completed, failed, bytes }: AsyncCallList["totals"]): string =>
  `${waiting} waiting, ${running} running, ${completed} completed, ${failed} failed; ${humanSize(bytes)} stored`;

/** Formats the state of a call as a phrase, such as "waiting for delivery 2 in 4s, after 503 (FUNCTION_ERROR): no database". */
export function formatState(call: AsyncCall, nowMs: number): string {
  const { state, attempts, deliveries, nextDeliveryAt } = call;
  const last = deliveries.at(-1);
  const reason = last === undefined ? "" : formatOutcome(last);
  if (state === "running") return `running, delivery ${attempts}`;
  if (state === "completed") return `completed with ${reason} after ${formatDeliveries(attempts)}`;
  if (state === "failed")
    return `failed after ${formatDeliveries(attempts)}${reason === "" ? "" : `, the last with ${reason}`}`;
  const time = nextDeliveryAt === undefined ? "" : ` in ${formatAge(Date.parse(nextDeliveryAt) - nowMs)}`;
  // A call that was retried has deliveries that do not count.
  return `waiting for delivery ${attempts + 1}${time}${reason === "" || attempts === 0 ? "" : `, after ${reason}`}`;
}

const formatDeliveries = (count: number) => (count === 1 ? "1 delivery" : `${count} deliveries`);

/** Formats the end of a delivery: its status, code and reason, as far as there are any. */
function formatOutcome({ status, code, detail }: Delivery): string {
  const words = [
    status === undefined ? "no response" : String(status),
    ...(code === undefined ? [] : [`(${code})`]),
  ].join(" ");
  return detail === undefined ? words : `${words}: ${detail}`;
}

/** Describes a call with its deliveries. */
export function describeCall(call: AsyncCall, nowMs: number): string {
  const { response, destination, keptUntil, deliveries } = call;
  const rows = [
    ["call", callKey(call)],
    ["endpoint", endpointKey(call)],
    ["request", `${call.method} ${call.path}`],
    ["state", formatState(call, nowMs)],
    ["accepted", call.acceptedAt],
    ["revision", call.revision ?? "the one that serves at delivery"],
    ...(response === undefined ? [] : [["response", formatResponse(response)]]),
    ...(destination === undefined ? [] : [["passed on", formatDestination(call.org, destination)]]),
    ...(keptUntil === undefined ? [] : [["kept until", keptUntil]]),
  ];
  const width = Math.max(...rows.map(([name = ""]) => name.length));
  const facts = rows.map(([name = "", value]) => `${name.padEnd(width)}  ${value}\n`).join("");
  return deliveries.length === 0 ? facts : `${facts}\n${deliveryTable(deliveries)}`;
}

const formatResponse = ({ status, bytes, truncated }: NonNullable<AsyncCall["response"]>) =>
  `${status}, ${humanSize(bytes)}${truncated ? ", the end is missing" : ""}`;

const formatDestination = (org: string, { to, call, code, detail }: NonNullable<AsyncCall["destination"]>) =>
  call === undefined ? `not to ${to}: ${detail} (${code})` : `to ${to}: ${org}/${call}`;

const deliveryTable = (deliveries: readonly Delivery[]) =>
  columns(
    ["DELIVERED", "MS", "STATUS", "REQUEST ID", "FAILURE"],
    deliveries.map(({ startedAt, durationMs, status, requestId, code, detail }) => [
      ...[startedAt, durationMs.toFixed(1), String(status ?? "-"), requestId],
      [code, detail].filter((word) => word !== undefined).join(": "),
    ]),
  );
