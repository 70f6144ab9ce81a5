"""Does what launcher.pl does, on machines without Perl. It takes about 10 ms longer."""
import ctypes
import os
import resource
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    result = libc.syscall(*(ctypes.c_long(each) if isinstance(each, int) else each for each in arguments))
    if result < 0:
        # A program that cannot be restricted must not run.
        sys.stderr.write("cannot sandbox the process: %s: %s\n" % (name, os.strerror(ctypes.get_errno())))
        os._exit(126)
    return result


if sys.argv[1] == "version":
    print(libc.syscall(444, None, 0, 1))
    sys.exit()
attr, prctl, capset = bytes.fromhex(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
data = int(sys.argv[7])
arguments = sys.argv[8:]
try:
    # If memory is short, the kernel should end this process before the server.
    with open("/proc/self/oom_score_adj", "r+") as score:
        worse = min(1000, int(score.read()) + 500)
        score.write(str(worse))
except (OSError, ValueError):
    pass


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def unshare_mounts():
    """Enter a mount namespace, which needs privileges, or a user namespace with the same user in it."""
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(0x20000) == 0:  # CLONE_NEWNS
        return
    if libc.unshare(0x10020000) != 0:  # CLONE_NEWUSER
        raise OSError(ctypes.get_errno(), "unshare")
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", "%d %d 1" % (user, user))
    write("/proc/self/gid_map", "%d %d 1" % (group, group))


def mount(source, target, flags):
    if libc.mount(source.encode(), os.fsencode(target), None, ctypes.c_ulong(flags), None) != 0:
        raise OSError(ctypes.get_errno(), "mount " + target)


def make_target(source, target):
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        write(target, "")


def private_mounts(paths):
    unshare_mounts()
    mount("none", "/", 0x84000)  # MS_REC | MS_SLAVE
    mounts = []  # Opened before a mount can cover them.
    for access, source, target in zip(paths[::3], paths[1::3], paths[2::3]):
        try:
            mounts.append((access, os.open(source, os.O_PATH | os.O_CLOEXEC), target))
        except FileNotFoundError:
            pass
    for access, file, target in mounts:
        source = "/proc/self/fd/%d" % file
        make_target(source, target)
        mount(source, target, 0x5000)  # MS_BIND | MS_REC
        if access == "ro":
            read_only = struct.pack("=QQQQ", 1, 0, 0, 0)  # MOUNT_ATTR_RDONLY
            # AT_FDCWD, AT_RECURSIVE
            call("mount_setattr " + target, 442, -100, os.fsencode(target), 0x8000, read_only, len(read_only))
    os.chdir(os.readlink("/proc/self/cwd"))  # The same path through the new mounts.


end = arguments.index("-")
if end > 0:
    try:
        private_mounts(arguments[:end])
    except OSError as error:
        sys.stderr.write("cannot sandbox the process: %s\n" % error)
        os._exit(126)
del arguments[: end + 1]
ruleset = call("landlock_create_ruleset", 444, attr, len(attr), 0)
while arguments[0] != "--":
    mask, path = arguments[:2]
    del arguments[:2]
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        continue  # A missing path needs no rule.
    call("landlock_add_rule " + path, 445, ruleset, 1, struct.pack("=Qi", int(mask), file), 0)
    os.close(file)
if capset:
    for capability in range(64):
        libc.syscall(ctypes.c_long(prctl), ctypes.c_long(24), ctypes.c_long(capability), 0, 0, 0)  # PR_CAPBSET_DROP
    call("capset", capset, struct.pack("=II", 0x20080522, 0), bytes(24))
for kind, limit in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_DATA, data or None)):
    try:
        if limit is not None:
            resource.setrlimit(kind, (limit, limit))
    except (OSError, ValueError):
        pass  # A lower limit applies already.
call("PR_SET_NO_NEW_PRIVS", prctl, 38, 1, 0, 0, 0)
call("landlock_restrict_self", 446, ruleset, 0)
try:
    os.execvp(arguments[1], arguments[1:])
except FileNotFoundError:
    os._exit(127)
