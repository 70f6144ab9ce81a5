import { readdirSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, sep } from "node:path";
import type { AllowedPaths } from "./landlock.ts";
import { TEMPORARY_FOLDERS } from "./private-temp.ts";

/** Programs, libraries and settings of a system, and the folders for what an administrator adds. */
const SYSTEM = [
  ...["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/gnu", "/snap"],
  ...["/srv", "/mnt", "/media", "/proc", "/sys", "/var/cache/fontconfig", "/var/lib/ca-certificates"],
  // Targets of /etc/resolv.conf.
  ...["/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager"],
];
const ETC = [
  ...["alternatives", "ca-certificates", "fonts", "gai.conf", "group", "host.conf", "hostname", "hosts"],
  ...["ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.alias", "locale.conf", "localtime", "magic"],
  ...["mime.types", "nsswitch.conf", "os-release", "passwd", "perl", "pki/ca-trust", "pki/tls/certs"],
  ...["pki/tls/openssl.cnf", "protocols", "python3", "resolv.conf", "services", "ssl/cert.pem", "ssl/certs"],
  ...["ssl/openssl.cnf", "timezone"],
].map((name) => `/etc/${name}`);
/** Root could read all of /etc, including the password hashes. */
const SETTINGS = process.getuid?.() === 0 ? ETC : ["/etc"];
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm"].map(
  (name) => `/dev/${name}`,
);

/**
 * Access to the folders for temporary files: each process has its own, all share the machine's, or all are denied it. The machine's are not shared if they
 * contain a forbidden path.
 */
export type TemporaryFiles = "private" | "shared" | "denied";

/**
 * Returns the paths that every function may use: the system, but nothing in a user's home and no forbidden path.
 *
 * @param readable more paths to allow for reading
 */
export function systemPaths(
  forbidden: readonly string[],
  readable: readonly string[] = [],
  temporary: TemporaryFiles = "shared",
): AllowedPaths {
  const excluded = [...forbidden, homedir(), "/root"].map(resolveLinks);
  const isWritable = (path: string) =>
    temporary === "private" || (temporary === "shared" && !excluded.some((each) => isIn(each, path)));
  return {
    read: [
      ...[...SYSTEM, ...SETTINGS].flatMap((path) => withoutExcluded(path, excluded)),
      ...readable.flatMap((path) => withoutExcluded(path, forbidden.map(resolveLinks))),
    ],
    write: [...DEVICES, ...TEMPORARY_FOLDERS.filter(isWritable)],
  };
}

/** Returns the folder in which a program is installed, or only the program if that folder contains a forbidden path or a home. */
export function programPaths(program: string, forbidden: readonly string[]): readonly string[] {
  const file = resolveLinks(program);
  const installation = dirname(dirname(file));
  const excluded = [...forbidden, homedir()].map(resolveLinks);
  return installation === "/" || excluded.some((each) => isIn(each, installation)) ? [file] : [installation];
}

/**
 * Returns the paths to forbid in order to hide a file: the file, and the real folders that contain it, where its next version appears after a renewal.
 * Excludes folders of the system.
 */
export function hidingPaths(file: string): readonly string[] {
  const target = resolveLinks(file);
  const folders = [dirname(file), dirname(target)].map(resolveLinks);
  const isOfSystem = (folder: string) => [...SYSTEM, ...SETTINGS, ...TEMPORARY_FOLDERS, "/", "/etc"].includes(folder);
  return [file, target, ...folders.filter((folder) => !isOfSystem(folder))];
}

/** Returns the path, or, if it contains excluded paths, everything else in it. */
function withoutExcluded(path: string, excluded: readonly string[]): readonly string[] {
  const target = resolveLinks(path);
  if (excluded.some((each) => isIn(target, each))) return [];
  if (!excluded.some((each) => isIn(each, target))) return [target];
  try {
    return readdirSync(target).flatMap((name) => withoutExcluded(join(target, name), excluded));
  } catch {
    return [];
  }
}

const isIn = (path: string, folder: string) => path === folder || path.startsWith(folder === "/" ? "/" : folder + sep);

function resolveLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
