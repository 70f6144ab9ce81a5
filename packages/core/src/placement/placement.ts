import { z } from "zod";

/** Placement of an organization's replicas on the nodes of a cluster, set by an admin. */

/** Maximum number of labels of the node selector, and of tolerations. */
const ENTRIES_MAX = 20;
const PART = "[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?";
const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const DOMAIN = String.raw`${LABEL}(?:\.${LABEL})*`;
/** Name of a label or of a taint (Kubernetes, "Labels and Selectors"). */
const KEY = `(?:${DOMAIN}/)?${PART}`;
const EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"] as const;
const TOLERATION = `^${KEY}(?:=(?:${PART})?)?(?::(?:${EFFECTS.join("|")}))?$`;

/** Schema of the labels that nodes must have. */
export const nodeSelectorSchema = z
  .record(
    z.string().regex(new RegExp(`^${KEY}$`), "expected the name of a label, such as example.com/pool"),
    z.string().regex(new RegExp(`^(?:${PART})?$`), "expected the value of a label, such as gpu"),
  )
  .refine((labels) => Object.keys(labels).length <= ENTRIES_MAX, `expected at most ${ENTRIES_MAX} labels`)
  .meta({ maxProperties: ENTRIES_MAX })
  .readonly();

/** Schema of the taints that pods tolerate, as `kubectl taint` writes them. */
export const tolerationsSchema = z
  .array(
    z
      .string()
      .regex(
        new RegExp(TOLERATION),
        `expected a taint as KEY[=VALUE][:EFFECT], such as dedicated=acme:NoSchedule; effects are ${EFFECTS.join(", ")}`,
      ),
  )
  .max(ENTRIES_MAX)
  .readonly();

/** Schema of the name of a class of the cluster. */
export const classNameSchema = z
  .string()
  .max(253)
  .regex(new RegExp(`^${DOMAIN}$`), "expected the name of an object, such as gvisor");

/** A taint that pods tolerate. */
export interface Toleration {
  readonly key: string;
  readonly operator: "Equal" | "Exists";
  readonly value?: string;
  /** Absent: every effect. */
  readonly effect?: string;
}

/** Parses a toleration that {@link tolerationsSchema} accepts. Without a value, it is for every value of the taint. */
export function parseToleration(text: string): Toleration {
  const [, key = "", value, effect] = /^([^=:]+)(?:=([^:]*))?(?::(.+))?$/.exec(text) ?? [];
  return {
    key,
    ...(value === undefined ? { operator: "Exists" } : { operator: "Equal", value }),
    ...(effect === undefined ? {} : { effect }),
  };
}
