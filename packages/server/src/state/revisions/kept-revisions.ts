import { deflateRawSync, inflateRawSync } from "node:zlib";
import { type Artifact, artifactOf, bundleOf, FaasError, type Revision, type WarmImage } from "@faas/core";

/** A revision of an endpoint that is kept, so that it can serve again. */
export interface KeptRevision {
  readonly revision: Revision;
  /** Time when another revision replaced it, RFC 3339, UTC. Absent: it has never served. */
  readonly servedUntil?: string;
  /** True if its deployment failed. */
  readonly failed?: true;
}

/**
 * Kept revisions as records hold them, in memory and on disk: a tenth of the size of the objects. Bundles are apart from the rest, so that a server
 * that starts need not unpack the revisions (docs/decisions/0043-kept-revisions.md).
 */
export interface PackedRevisions {
  /** SHA-256 of each bundle, 32 bytes after another in Base64, in the order of the revisions. */
  readonly bundles: string;
  /** JSON of everything else, compressed (RFC 1951), in Base64. */
  readonly rest: string;
}

/** A revision in that JSON. Without settings, it has those of the entry before it: most deployments change the code alone. */
interface PackedRevision
  extends Omit<Revision, "artifact" | "warm" | "settings" | "createdAt">,
    Omit<KeptRevision, "revision"> {
  /** Reference of an image. Absent: the next of the bundles. */
  readonly image?: string;
  /** Warm part, whose code is the next of the bundles. */
  readonly warm?: Omit<WarmImage, "code">;
  readonly settings?: Revision["settings"];
  /** Absent: the time in `origin`. */
  readonly createdAt?: string;
}

/** Most bytes of JSON that are unpacked: more is damaged. */
const MAX_UNPACKED = 2 ** 26;
const PREFIX = "sha256:";
const DIGEST_BYTES = 32;

export function packRevisions(revisions: readonly KeptRevision[]): PackedRevisions {
  const digests = revisions.flatMap(({ revision }) => bundleOf(artifactOf(revision)) ?? []);
  const hex = digests.map((digest) => digest.slice(PREFIX.length)).join("");
  let before = "";
  const packed = revisions.map((kept): PackedRevision => {
    const { settings, set } = kept.revision;
    const settingsText = JSON.stringify([settings, set]);
    const isSame = settingsText === before;
    before = settingsText;
    return { ...packedRevision(kept), ...(isSame ? {} : { settings, ...(set && { set }) }) };
  });
  return {
    bundles: Buffer.from(hex, "hex").toString("base64"),
    rest: deflateRawSync(JSON.stringify(packed)).toString("base64"),
  };
}

/** Packs a revision without its settings. */
function packedRevision({ revision, ...rest }: KeptRevision): PackedRevision {
  const { artifact, warm, createdAt, settings: _, set: __, ...others } = revision;
  const { code: ___, ...warmImage } = warm ?? {};
  return {
    ...others,
    ...(artifact.kind === "image" ? { image: artifact.reference } : {}),
    ...(warm ? { warm: warmImage as PackedRevision["warm"] } : {}),
    ...(createdAt === revision.origin?.at ? {} : { createdAt }),
    ...rest,
  } as PackedRevision;
}

/** Returns the digests of the bundles of packed revisions. */
export function packedBundles({ bundles }: PackedRevisions): string[] {
  const bytes = Buffer.from(bundles, "base64");
  return Array.from(
    { length: Math.floor(bytes.length / DIGEST_BYTES) },
    (_, index) => PREFIX + bytes.toString("hex", index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES),
  );
}

/**
 * Unpacks revisions.
 *
 * @throws STATE_DAMAGED
 */
export function unpackRevisions(packed: PackedRevisions): KeptRevision[] {
  try {
    return unpacked(packed);
  } catch (cause) {
    const detail = "The kept revisions of an endpoint cannot be read: the state file is damaged";
    throw new FaasError("STATE_DAMAGED", detail, { cause });
  }
}

function unpacked(packed: PackedRevisions): KeptRevision[] {
  const json = inflateRawSync(Buffer.from(packed.rest, "base64"), { maxOutputLength: MAX_UNPACKED }).toString();
  const bundles = packedBundles(packed).values();
  const nextBundle = (): string => {
    const { value } = bundles.next();
    if (value === undefined) throw new Error("a bundle is missing");
    return value;
  };
  let named: Pick<Revision, "settings" | "set"> | undefined;
  return (JSON.parse(json) as readonly PackedRevision[]).map((entry) => {
    const { id, image, warm, settings, set, createdAt, origin, servedUntil, failed, ...others } = entry;
    if (settings) named = { settings, ...(set && { set }) };
    if (typeof id !== "string" || !named) throw new Error("a revision lacks its id or its settings");
    const artifact: Artifact =
      image === undefined ? { kind: "bundle", digest: nextBundle() } : { kind: "image", reference: image };
    const withCode = warm && { warm: { ...warm, code: nextBundle() } };
    const at = createdAt ?? origin?.at ?? "";
    return {
      revision: { id, createdAt: at, artifact, ...withCode, ...named, ...others, ...(origin && { origin }) },
      ...(servedUntil === undefined ? {} : { servedUntil }),
      ...(failed && { failed }),
    };
  });
}

/**
 * Returns the revisions that are left when there may be at most `max`, newest first: those that never served go before those that did, and the newest
 * one last, so that a series of failed deployments does not push out the revisions that one could go back to. Pinned ones stay.
 */
export function retainedRevisions(
  revisions: readonly KeptRevision[],
  max: number,
  pinned: ReadonlySet<string>,
): readonly KeptRevision[] {
  const left = [...revisions];
  while (left.length > max) {
    const isDroppable = ({ revision }: KeptRevision) => !pinned.has(revision.id);
    const unserved = left.findLastIndex(
      (each, index) => index > 0 && each.servedUntil === undefined && isDroppable(each),
    );
    const dropped = unserved >= 0 ? unserved : left.findLastIndex(isDroppable);
    if (dropped < 0) break;
    left.splice(dropped, 1);
  }
  return left.length === revisions.length ? revisions : left;
}
