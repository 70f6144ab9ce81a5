import { FIELD_MANAGER, type Fields, type KubernetesObject, type ManagedFields } from "../client/api-client.ts";

/**
 * What somebody else did to an object that we applied. Pure. The API server keeps who owns which field (Kubernetes, "Server-Side Apply", "Field
 * management"): a field that another hand changed or removed is no longer ours, one that it added is its own. Values need no comparison then,
 * which defaults and other spellings of the same quantity would spoil.
 */
export interface Drift {
  /** For example `spec.template.spec.containers[function].image`. */
  readonly fields: readonly string[];
  /** The other hands as they call themselves: `kubectl-set`, `kubectl-edit` … */
  readonly by: readonly string[];
}

/** What others may set: an autoscaler the number of replicas, `kubectl rollout restart` its annotation. */
const THEIRS: Readonly<Record<string, Fields>> = {
  Deployment: { "f:replicas": {}, "f:template": { "f:metadata": { "f:annotations": {} } } },
};

const SPEC = "f:spec";

/** `wanted`: what was applied last. Undefined: nobody else touched its `spec`. */
export function driftOf(
  wanted: KubernetesObject & { readonly spec?: unknown },
  found: KubernetesObject,
): Drift | undefined {
  const all = found.metadata?.managedFields ?? [];
  // An admission webhook that sets a field of what we apply does it in our name, as an update.
  const owned = all.flatMap(({ manager, subresource, fieldsV1 }) => {
    const spec = fieldsV1?.[SPEC];
    return manager === FIELD_MANAGER && !subresource && spec ? [spec] : [];
  });
  const lost = missing(wanted.spec, owned.length === 0 ? undefined : owned.reduce(union), "spec");
  const others = all.flatMap((entry) => {
    const taken = takenBy(entry, wanted.kind);
    return taken ? [{ by: entry.manager ?? "", taken }] : [];
  });
  if (lost.length === 0 && others.length === 0) return undefined;
  const added = others.flatMap(({ taken }) => paths(taken, "spec"));
  return { fields: [...new Set([...added, ...lost])], by: [...new Set(others.map(({ by }) => by))] };
}

/**
 * The field owners with all that others set in `spec` made ours: what the next apply does not name is removed then, and only then. Undefined:
 * nobody else set anything.
 */
export function takenOver(found: KubernetesObject): readonly ManagedFields[] | undefined {
  const all = found.metadata?.managedFields ?? [];
  let ours: Fields = all.find(isOurs)?.fieldsV1 ?? {};
  let changed = false;
  const rest = all.flatMap((entry) => {
    if (isOurs(entry)) return [];
    const taken = takenBy(entry, found.kind);
    if (!taken) return [entry];
    changed = true;
    ours = union(ours, { [SPEC]: taken });
    const left = minus(entry.fieldsV1 ?? {}, { [SPEC]: taken });
    return left ? [{ ...entry, fieldsV1: left }] : [];
  });
  if (!changed) return undefined;
  const own = all.find(isOurs) ?? {
    manager: FIELD_MANAGER,
    operation: "Apply",
    fieldsType: "FieldsV1",
    ...(found.apiVersion === undefined ? {} : { apiVersion: found.apiVersion }),
  };
  return [{ ...own, fieldsV1: ours }, ...rest];
}

const isOurs = ({ manager, operation }: ManagedFields) => manager === FIELD_MANAGER && operation === "Apply";

/** What an owner has in `spec` that is not its to set. Subresources are `status`, and `scale` for the number of replicas. */
function takenBy({ manager, subresource, fieldsV1 }: ManagedFields, kind = ""): Fields | undefined {
  const spec = fieldsV1?.[SPEC];
  if (manager === FIELD_MANAGER || subresource || !spec) return undefined;
  return minus(spec, THEIRS[kind] ?? {});
}

/** Fields of what is wanted that are not ours. */
function missing(wanted: unknown, owned: Fields | undefined, path: string): string[] {
  if (wanted === undefined) return [];
  if (owned === undefined) return [path];
  // Owned as a whole: a value, or a list or an object that knows no parts.
  if (Object.keys(owned).every((key) => key === ".")) return [];
  if (Array.isArray(wanted))
    return wanted.flatMap((item) => {
      const key = Object.keys(owned).find((one) => one.startsWith("k:") && isNamed(item, JSON.parse(one.slice(2))));
      return missing(item, key === undefined ? undefined : owned[key], `${path}[${nameOf(item)}]`);
    });
  return Object.entries(wanted as object).flatMap(([name, value]) =>
    missing(value, owned[`f:${name}`], `${path}.${name}`),
  );
}

const isNamed = (item: Readonly<Record<string, unknown>>, key: Readonly<Record<string, unknown>>) =>
  Object.entries(key).every(([name, value]) => item[name] === value);

const nameOf = (key: Readonly<Record<string, unknown>>) => String(key.name ?? Object.values(key)[0] ?? "");

/** The parts of `fields` that are not in `others`; a leaf of `others` stands for all that is below it. Undefined: none. */
function minus(fields: Fields, others: Fields): Fields | undefined {
  const left: Record<string, Fields> = {};
  for (const [key, below] of Object.entries(fields)) {
    const other = others[key];
    if (other === undefined) {
      // A thing is not left without its parts.
      if (key !== ".") left[key] = below;
      continue;
    }
    if (Object.keys(other).length === 0) continue;
    const rest = minus(below, other);
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

function paths(fields: Fields, path: string): string[] {
  const below = Object.entries(fields).filter(([key]) => key !== ".");
  // The item is told, not each of its fields.
  if (below.length === 0 || "." in fields) return [path];
  return below.flatMap(([key, next]) =>
    paths(next, key.startsWith("k:") ? `${path}[${nameOf(JSON.parse(key.slice(2)))}]` : `${path}.${key.slice(2)}`),
  );
}
