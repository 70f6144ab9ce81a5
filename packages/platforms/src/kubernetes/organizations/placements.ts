import { type Limits, type Placement, sameValue } from "@faas/core";

/** The organizations' placements. */
export class Placements {
  readonly #placements = new Map<string, Placement>();

  /** Returns the placement of an organization; undefined if it has none. */
  of(org: string): Placement | undefined {
    return this.#placements.get(org);
  }

  /** Takes the placement from the limits of an organization. Returns true if that changed it. */
  set(org: string, { nodeSelector, tolerations, priorityClass, runtimeClass }: Limits): boolean {
    const placement = JSON.parse(JSON.stringify({ nodeSelector, tolerations, priorityClass, runtimeClass }));
    const isChanged = !sameValue(placement, this.#placements.get(org) ?? {});
    if (isChanged) this.#placements.set(org, placement);
    return isChanged;
  }

  delete(org: string): void {
    this.#placements.delete(org);
  }
}
