import { FIELD_MANAGER } from "../client/api-client.ts";
import type { Fields, KubernetesObject, ManagedFields } from "../client/objects.ts";

/**
 * A change by another field manager to an object that the server applied. The API server records the owner of each field (Kubernetes, "Server-Side
 * Apply", "Field management"): after another manager changes or removes a field, the server no longer owns it, and a field that another manager adds
 * is its own. So values need not be compared, which would be wrong for defaults and for different spellings of the same quantity.
 */
export interface Drift {
  /** Paths of fields, such as `spec.template.spec.containers[function].image`. */
  readonly fields: readonly string[];
  /** Names of the other field managers: `kubectl-set`, `kubectl-edit` … */
  readonly by: readonly string[];
}

/** Fields that other managers are allowed to set: an autoscaler the number of replicas, `kubectl rollout restart` its annotation. */
const ALLOWED_FOREIGN_FIELDS: Readonly<Record<string, Fields>> = {
  Deployment: { "f:replicas": {}, "f:template": { "f:metadata": { "f:annotations": {} } } },
};

const SPEC = "f:spec";

/** Compares an observed object with the one applied last; `undefined` if no other manager changed its `spec`. */
export function driftOf(
  applied: KubernetesObject & { readonly spec?: unknown },
  observed: KubernetesObject,
): Drift | undefined {
  const entries = observed.metadata?.managedFields ?? [];
  // An admission webhook that changes a field while it is applied does so in the server's name, as an update.
  const owned = entries.flatMap(({ manager, subresource, fieldsV1 }) => {
    const spec = fieldsV1?.[SPEC];
    return manager === FIELD_MANAGER && !subresource && spec ? [spec] : [];
  });
  const lost = missingFields(applied.spec, owned.length === 0 ? undefined : owned.reduce(union), "spec");
  const others = entries.flatMap((entry) => {
    const foreign = foreignFields(entry, applied.kind);
    return foreign ? [{ by: entry.manager ?? "", foreign }] : [];
  });
  if (lost.length === 0 && others.length === 0) return undefined;
  const added = others.flatMap(({ foreign }) => pathsOf(foreign, "spec"));
  return { fields: [...new Set([...added, ...lost])], by: [...new Set(others.map(({ by }) => by))] };
}

/**
 * Returns the field owners with all foreign fields in `spec` transferred to the server, so that the next apply removes those that it does not set;
 * `undefined` if there are none.
 */
export function withForeignFieldsOwned(observed: KubernetesObject): readonly ManagedFields[] | undefined {
  const entries = observed.metadata?.managedFields ?? [];
  let owned: Fields = entries.find(isServerEntry)?.fieldsV1 ?? {};
  let hasForeign = false;
  const rest = entries.flatMap((entry) => {
    if (isServerEntry(entry)) return [];
    const foreign = foreignFields(entry, observed.kind);
    if (!foreign) return [entry];
    hasForeign = true;
    owned = union(owned, { [SPEC]: foreign });
    const left = difference(entry.fieldsV1 ?? {}, { [SPEC]: foreign });
    return left ? [{ ...entry, fieldsV1: left }] : [];
  });
  if (!hasForeign) return undefined;
  const serverEntry = entries.find(isServerEntry) ?? {
    manager: FIELD_MANAGER,
    operation: "Apply",
    fieldsType: "FieldsV1",
    ...(observed.apiVersion === undefined ? {} : { apiVersion: observed.apiVersion }),
  };
  return [{ ...serverEntry, fieldsV1: owned }, ...rest];
}

const isServerEntry = ({ manager, operation }: ManagedFields) => manager === FIELD_MANAGER && operation === "Apply";

/** Returns the fields in `spec` that an owner should not set. Subresources are `status`, and `scale` for the number of replicas. */
function foreignFields({ manager, subresource, fieldsV1 }: ManagedFields, kind = ""): Fields | undefined {
  const spec = fieldsV1?.[SPEC];
  if (manager === FIELD_MANAGER || subresource || !spec) return undefined;
  return difference(spec, ALLOWED_FOREIGN_FIELDS[kind] ?? {});
}

/** Returns the paths of applied fields that the server does not own. */
function missingFields(applied: unknown, owned: Fields | undefined, path: string): string[] {
  if (applied === undefined) return [];
  if (owned === undefined) return [path];
  // Owned as a whole: a value, or an atomic list or object.
  if (Object.keys(owned).every((key) => key === ".")) return [];
  if (Array.isArray(applied))
    return applied.flatMap((item) => {
      const key = Object.keys(owned).find((name) => name.startsWith("k:") && hasKey(item, JSON.parse(name.slice(2))));
      return missingFields(item, key === undefined ? undefined : owned[key], `${path}[${nameOf(item)}]`);
    });
  return Object.entries(applied as object).flatMap(([name, value]) =>
    missingFields(value, owned[`f:${name}`], `${path}.${name}`),
  );
}

const hasKey = (item: Readonly<Record<string, unknown>>, key: Readonly<Record<string, unknown>>) =>
  Object.entries(key).every(([name, value]) => item[name] === value);

const nameOf = (key: Readonly<Record<string, unknown>>) => String(key.name ?? Object.values(key)[0] ?? "");

/** Returns the fields that are not in `others`, where a leaf covers all fields below it; `undefined` if all are. */
function difference(fields: Fields, others: Fields): Fields | undefined {
  const left: Record<string, Fields> = {};
  for (const [key, below] of Object.entries(fields)) {
    const other = others[key];
    if (other === undefined) {
      // A node without its fields is not left over.
      if (key !== ".") left[key] = below;
      continue;
    }
    if (Object.keys(other).length === 0) continue;
    const rest = difference(below, other);
    if (rest) left[key] = rest;
  }
  if (Object.keys(left).length === 0) return undefined;
  return "." in fields && !("." in others) ? { ".": {}, ...left } : left;
}

function union(one: Fields, other: Fields): Fields {
  const all: Record<string, Fields> = { ...one };
  for (const [key, below] of Object.entries(other)) all[key] = key in one ? union(one[key] as Fields, below) : below;
  return all;
}

function pathsOf(fields: Fields, path: string): string[] {
  const below = Object.entries(fields).filter(([key]) => key !== ".");
  // An added item is reported as one path.
  if (below.length === 0 || "." in fields) return [path];
  return below.flatMap(([key, next]) =>
    pathsOf(next, key.startsWith("k:") ? `${path}[${nameOf(JSON.parse(key.slice(2)))}]` : `${path}.${key.slice(2)}`),
  );
}
