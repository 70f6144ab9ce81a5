import { FaasError } from "@faas/core";
import type { Endpoints, LiveEndpoint, LiveReplica } from "./endpoints.ts";
import type { Waiter } from "./endpoints-line.ts";
import type { Exchange } from "./exchange.ts";

/** The longest time that a request waits for a replica to start, or for a place on one. */
const WAIT_MS = 60_000;

/**
 * A place on a replica: at once where there is one; else the request waits, first come, first served, and replicas are asked for when none are. Rejects with
 * the reason why none can start, START_TIMEOUT, NO_CAPACITY, ENDPOINT_NOT_FOUND. `retry`: it had its turn already, and goes first.
 */
export function place(exchange: Exchange, endpoints: Endpoints, retry = false): LiveReplica | Promise<LiveReplica> {
  const { endpoint } = exchange;
  const replica = endpoint.take();
  if (replica) return replica;
  if (endpoint.replicas.length === 0) exchange.cold = true;
  // Count before waiting: a cold endpoint must show load.
  const waiting = wait(exchange, endpoint, retry);
  if (endpoint.desired === 0) endpoints.wake(endpoint);
  else {
    const failure = endpoint.failure();
    if (failure) endpoint.refuseAll(failure);
  }
  return waiting;
}

function wait(exchange: Exchange, endpoint: LiveEndpoint, first: boolean): Promise<LiveReplica> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      exchange.response.off("close", onClose);
      exchange.waitedMs += performance.now() - began;
    };
    const waiter: Waiter = {
      previous: undefined,
      next: undefined,
      granted(replica) {
        settle();
        resolve(replica);
      },
      refused(error) {
        settle();
        reject(error);
      },
    };
    const leave = (error: Error) => {
      endpoint.stopWaiting(waiter);
      waiter.refused(error);
    };
    const onClose = () => leave(new FaasError("INVALID_REQUEST", "The client went away while it waited"));
    const timer = setTimeout(() => leave(timedOut(endpoint)), WAIT_MS);
    exchange.response.once("close", onClose);
    if (first) endpoint.waitFirst(waiter);
    else endpoint.wait(waiter);
  });
}

function timedOut({ key, replicas }: LiveEndpoint): FaasError {
  const seconds = WAIT_MS / 1000;
  return replicas.length === 0
    ? new FaasError("START_TIMEOUT", `No replica of ${key} was ready within ${seconds} s`)
    : new FaasError("NO_CAPACITY", `No replica of ${key} had a place within ${seconds} s`);
}
