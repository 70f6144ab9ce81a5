import type { CallSample } from "./call-sample.ts";
import type { CanaryPlan } from "./canary-fields.ts";
import { type Comparison, compare } from "./comparison.ts";

/** Present step of a canary. */
export interface StepProgress {
  /** Time since its start. */
  readonly elapsedMs: number;
  readonly canary: CallSample;
  readonly base: CallSample;
}

export type Decision =
  | { readonly action: "wait" | "advance" }
  /** All calls go to the old revision. */
  | { readonly action: "back"; readonly cause: "errors" | "p95" | "timeout" };

/** Decides how a canary continues: back as soon as the new revision is shown to be worse, forward when it is shown not to be and the step's time is over. */
export function decide({ elapsedMs, canary, base }: StepProgress, plan: CanaryPlan): Decision {
  const { verdict, beyond } = compareStep(canary, base, plan);
  if (verdict === "beyond" && beyond) return { action: "back", cause: beyond };
  if (elapsedMs < plan.everyMs) return { action: "wait" };
  if (verdict === "within") return { action: "advance" };
  return elapsedMs >= plan.timeoutMs ? { action: "back", cause: "timeout" } : { action: "wait" };
}

/** Compares the calls of a step. The last step has no old revision to compare with. */
export const compareStep = (canary: CallSample, base: CallSample, { steps, limits }: CanaryPlan): Comparison =>
  compare(canary, base, limits, steps.length - 1);
