import type { InstallTarget, TargetPlatform } from "../platform.ts";

const MACHINES = { amd64: "x86_64", arm64: "aarch64" } as const satisfies Record<TargetPlatform["arch"], string>;

/** Newest glibc that packages may need: that of Debian 10, RHEL 8 and newer. */
const GLIBC_MINOR = 28;
/** Oldest glibc that has a tag, by CPU. */
const OLDEST_GLIBC_MINOR = { amd64: 5, arm64: 17 } as const;
/** Names that tags had before they named the version of glibc. */
const LEGACY_TAGS: Readonly<Record<number, string>> = { 17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1" };
const MUSL_MINORS = [2, 1, 0];

/** Version of Python, by its parts. A missing patch is the newest one. */
export function pythonVersion({ runtimeVersion }: Pick<InstallTarget, "runtimeVersion">): {
  minor: string;
  full: string;
} {
  const [major = "3", minor = "11", patch = "99"] = runtimeVersion.split(".");
  return { minor: `${major}.${minor}`, full: `${major}.${minor}.${patch}` };
}

/** Lists the platform tags of packages that run on a platform, best first. pip accepts exactly those that are named. */
export function platformTags({ arch, libc }: TargetPlatform): string[] {
  const machine = MACHINES[arch];
  const minors = Array.from({ length: GLIBC_MINOR - OLDEST_GLIBC_MINOR[arch] + 1 }, (_, index) => GLIBC_MINOR - index);
  const tags =
    libc === "musl"
      ? MUSL_MINORS.map((minor) => `musllinux_1_${minor}`)
      : minors.flatMap((minor) => [`manylinux_2_${minor}`, LEGACY_TAGS[minor] ?? []].flat());
  return [...tags, "linux"].map((tag) => `${tag}_${machine}`);
}

/** Options of pip that choose packages for a platform. */
export function pipOptions(target: InstallTarget): string[] {
  const { minor, full } = pythonVersion(target);
  const abis = [`cp${minor.replace(".", "")}`, "abi3", "none"];
  return [
    "--only-binary=:all:",
    ...platformTags(target.platform).flatMap((tag) => ["--platform", tag]),
    ...["--python-version", full, "--implementation=cp"],
    ...abis.map((abi) => `--abi=${abi}`),
  ];
}

/** Options of uv that choose packages for a platform. */
export function uvOptions(target: InstallTarget): string[] {
  const { arch, libc } = target.platform;
  const name = libc === "musl" ? "unknown-linux-musl" : `manylinux_2_${GLIBC_MINOR}`;
  const platform = `${MACHINES[arch]}-${name}`;
  const version = pythonVersion(target).full;
  return ["--only-binary", ":all:", "--python-platform", platform, "--python-version", version, "--link-mode", "copy"];
}

/** Values of the markers of a platform (dependency specifiers, "Environment Markers"). The version of the kernel is not known. */
export function markersOf(target: InstallTarget): Readonly<Record<string, string>> {
  const { minor, full } = pythonVersion(target);
  return {
    os_name: "posix",
    sys_platform: "linux",
    platform_system: "Linux",
    platform_machine: MACHINES[target.platform.arch],
    platform_python_implementation: "CPython",
    implementation_name: "cpython",
    implementation_version: full,
    python_version: minor,
    python_full_version: full,
  };
}

/**
 * Program that runs pip with the markers in its first argument: pip evaluates them for the Python that it runs in, even with `--platform`. It ends
 * with an error if a future pip evaluates them elsewhere.
 */
export const PIP_PROGRAM = `import json, sys

values = json.loads(sys.argv.pop(1))
try:
    from pip._internal.cli.main import main
    from pip._vendor.packaging import markers
    original = markers.default_environment
    markers.default_environment = lambda: {**original(), **values}
    known = markers.Marker("platform_machine == 'any'")
    values["platform_machine"], machine = "any", values["platform_machine"]
    isKnown = known.evaluate()
    values["platform_machine"] = machine
except (ImportError, AttributeError):
    isKnown = False
if not isKnown:
    sys.exit("ERROR: this version of pip cannot evaluate conditions for another platform")
sys.exit(main())
`;
