/** Result of one check of a cluster, as `faas doctor` shows it. */
export interface ClusterCheck {
  readonly name: string;
  /** A failed check is a warning only, because the embedded platform needs no cluster. */
  readonly status: "ok" | "warning";
  /** Finding of the check. */
  readonly found: string;
  /** Advice for the user; absent if ok. */
  readonly advice?: string;
}

export const ok = (name: string, found: string): ClusterCheck => ({ name, status: "ok", found });

export const warning = (name: string, found: string, advice: string): ClusterCheck => ({
  ...{ name, status: "warning", found, advice },
});
