import { limitNumbers } from "@faas/core";
import { OrganizationRuntime } from "../../packages/gateway/src/endpoints/organization-runtime.ts";
import type { Exchange } from "../../packages/gateway/src/pipeline/exchange.ts";
import { FairQueue } from "../../packages/gateway/src/pipeline/fair-queue.ts";
import { median, type Row } from "./rig/table.ts";

const CALLS = 1_000_000;
const ROUNDS = 9;

/** Measures the cost of limits and fair queueing per call, with the gateway's own code and without a network. */
export function limitsCost(): Row[] {
  const limits = limitNumbers({ requestsPerSecond: 1_000_000, burst: 10_000_000, concurrentRequests: 1000 });
  return [
    row("without limits", new OrganizationRuntime("free", limitNumbers({}))),
    row("with limits on requests per second and concurrent requests", new OrganizationRuntime("held", limits)),
  ];
}

function row(what: string, org: OrganizationRuntime): Row {
  const queue = new FairQueue();
  // It proceeds at once, like all calls while their number is within a slice.
  const exchange = { arrived: 0, finished: false, proceed() {} };
  const times: number[] = [];
  const bytes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.memoryUsage().heapUsed;
    const began = performance.now();
    for (let i = 0; i < CALLS; i++) {
      // Two milliseconds later, a new slice begins.
      exchange.arrived += 2;
      if (org.enter(exchange.arrived) !== undefined) throw new Error("Expected the call to be admitted");
      queue.enter(exchange as unknown as Exchange, org);
      org.leave();
    }
    times.push(((performance.now() - began) * 1e6) / CALLS);
    bytes.push((process.memoryUsage().heapUsed - before) / CALLS);
  }
  const ns = median(times);
  return {
    measure: `cost of limits and fair queueing per call, ${what}`,
    baseline: `memory per call: ${Math.max(0, median(bytes)).toFixed(0)} bytes`,
    ours: `${(ns / 1000).toFixed(3)} us`,
    value: ns / 1000,
    goal: 1,
    unit: "us",
  };
}
