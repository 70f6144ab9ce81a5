import { FaasError } from "../errors.ts";
import { nearest } from "../nearest.ts";

/** Names of time zones. */

/** Pattern of a name in the time zone database: offsets such as +01:00 do not follow daylight saving. */
export const TIME_ZONE_PATTERN = "^[A-Za-z][A-Za-z0-9_+/-]*$";
const TIME_ZONE_NAME = new RegExp(TIME_ZONE_PATTERN);

/** Names that the runtime accepts, and replaces with earlier ones in its list. */
const RENAMED = [
  "Africa/Asmara",
  "America/Argentina/Buenos_Aires",
  "America/Argentina/Catamarca",
  "America/Argentina/Cordoba",
  "America/Argentina/Jujuy",
  "America/Argentina/Mendoza",
  "America/Atikokan",
  "America/Indiana/Indianapolis",
  "America/Kentucky/Louisville",
  "America/Nuuk",
  "Asia/Ho_Chi_Minh",
  "Asia/Kathmandu",
  "Asia/Kolkata",
  "Asia/Yangon",
  "Atlantic/Faroe",
  "Europe/Kyiv",
  "Pacific/Chuuk",
  "Pacific/Kanton",
  "Pacific/Pohnpei",
];

/**
 * Returns the name of a time zone as the time zone database writes it: `europe/berlin` becomes `Europe/Berlin`. Another name of the same zone, such as
 * `Asia/Calcutta`, stays.
 *
 * @throws INVALID_REQUEST for an unknown name, with the most similar one in the message and in `suggestion`
 */
export function parseTimeZone(name: string): string {
  const resolved = resolve(name);
  if (resolved !== undefined) {
    const isSame = (each: string) => each.toLowerCase() === name.toLowerCase();
    return isSame(resolved) ? resolved : (RENAMED.find(isSame) ?? name);
  }
  const suggestion = similarZone(name);
  const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
  throw new FaasError("INVALID_REQUEST", `Expected a time zone such as Europe/Berlin or UTC, got "${name}"${hint}`, {
    extensions: suggestion === undefined ? {} : { suggestion },
  });
}

/** Returns the runtime's name of a time zone; undefined for an unknown one. */
function resolve(name: string): string | undefined {
  if (!TIME_ZONE_NAME.test(name)) return undefined;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

/** Finds a zone by its city alone, or by a similar name. */
function similarZone(name: string): string | undefined {
  const zones = [...RENAMED, ...Intl.supportedValuesOf("timeZone")];
  const city = name.trim().toLowerCase().replaceAll(/\s+/g, "_");
  return zones.find((zone) => zone.toLowerCase().endsWith(`/${city}`)) ?? nearest(name, zones);
}
