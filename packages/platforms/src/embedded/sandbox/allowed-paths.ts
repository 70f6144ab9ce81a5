import { readdirSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, sep } from "node:path";
import type { AllowedPaths } from "./landlock.ts";

/** Programs, libraries and settings of a system, and what is put beside them by hand. */
const SYSTEM = [
  ...["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/gnu", "/snap"],
  ...["/srv", "/mnt", "/media", "/proc", "/sys", "/var/cache/fontconfig", "/var/lib/ca-certificates"],
  // Where /etc/resolv.conf leads.
  ...["/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager"],
];
/** Root could read all of /etc, the passwords of the machine too. */
const SETTINGS =
  process.getuid?.() === 0
    ? [
        ...[
          "alternatives",
          "ca-certificates",
          "fonts",
          "group",
          "gai.conf",
          "host.conf",
          "hostname",
          "hosts",
          "ld.so.cache",
        ],
        ...[
          "ld.so.conf",
          "ld.so.conf.d",
          "locale.alias",
          "locale.conf",
          "localtime",
          "magic",
          "mime.types",
          "nsswitch.conf",
        ],
        ...["os-release", "passwd", "perl", "pki/ca-trust", "pki/tls/certs", "pki/tls/openssl.cnf", "protocols"],
        ...["python3", "resolv.conf", "services", "ssl/certs", "ssl/openssl.cnf", "ssl/cert.pem", "timezone"],
      ].map((name) => `/etc/${name}`)
    : ["/etc"];
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm"].map(
  (name) => `/dev/${name}`,
);
/** Folders that programs write to without asking. */
const SHARED = ["/tmp", "/var/tmp"];

/** What every function may reach: the system, nothing of a user's home, and nothing of `secret` folders. `extra` can be read as well. */
export function systemReach(secret: readonly string[], extra: readonly string[] = []): AllowedPaths {
  const closed = [...secret, homedir(), "/root"].map(real);
  return {
    read: [
      ...[...SYSTEM, ...SETTINGS].flatMap((path) => around(path, closed)),
      ...extra.flatMap((path) => around(path, secret.map(real))),
    ],
    write: [...DEVICES, ...SHARED.filter((path) => !closed.some((each) => isIn(each, path)))],
  };
}

/** The folder in which a program is installed, or the program alone where that would open too much. */
export function programReach(program: string, secret: readonly string[]): readonly string[] {
  const file = real(program);
  const installed = dirname(dirname(file));
  const closed = [...secret, homedir()].map(real);
  return installed === "/" || closed.some((each) => isIn(each, installed)) ? [file] : [installed];
}

/**
 * What is closed so that a file is: the file, and the folder that it really is in, where the next one comes after a renewal. Not one that is the system's.
 */
export function hiddenWith(file: string): readonly string[] {
  const folders = [dirname(file), dirname(real(file))].map(real);
  return [
    file,
    real(file),
    ...folders.filter((folder) => ![...SYSTEM, ...SETTINGS, ...SHARED, "/", "/etc"].includes(folder)),
  ];
}

/** The path, or where something closed is in it what is beside that. */
function around(path: string, closed: readonly string[]): readonly string[] {
  const target = real(path);
  if (closed.some((each) => isIn(target, each))) return [];
  const inside = closed.some((each) => isIn(each, target));
  if (!inside) return [target];
  try {
    return readdirSync(target).flatMap((name) => around(join(target, name), closed));
  } catch {
    return [];
  }
}

const isIn = (path: string, folder: string) => path === folder || path.startsWith(folder === "/" ? "/" : folder + sep);

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
