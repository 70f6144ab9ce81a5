# Restricts itself by Landlock (landlock(7)) and then runs a program; landlock.ts builds the arguments.
#   launcher.pl RULESET PRCTL CAPSET PRLIMIT UNSHARE MOUNT DATA (ACCESS SOURCE TARGET)... - (MASK PATH)... -- PROGRAM ARGUMENT...
#   launcher.pl version: prints the kernel's Landlock version; 0 or less without Landlock.
# RULESET: struct landlock_ruleset_attr in hexadecimal. PRCTL to MOUNT: numbers of these system calls; CAPSET 0 keeps capabilities.
# DATA: bytes that may be mapped for writing (RLIMIT_DATA); 0 sets no limit.
# ACCESS SOURCE TARGET: mounts SOURCE over TARGET, in a mount namespace of its own; ACCESS: rw or ro.
if ($ARGV[0] eq 'version') { print syscall(444, 0, 0, 1); exit }
my ($ruleset_attr, $prctl, $capset, $prlimit, $unshare, $mount, $data) = (pack('H*', $ARGV[0]), map { $_ + 0 } @ARGV[1 .. 6]);
splice(@ARGV, 0, 7);
# A program that cannot be restricted must not run.
sub refuse { print STDERR "cannot sandbox the process: $_[0]: $!\n"; exit 126 }

# If memory is short, the kernel should end this process before the server. Not every system permits changing the score.
if (open(my $score, '+<', '/proc/self/oom_score_adj')) {
    my $worse = readline($score) + 500;
    syswrite($score, $worse < 1000 ? $worse : 1000);
}

sub write_file { open(my $file, '>', $_[0]) or return; syswrite($file, $_[1]) }
sub make_folder { my $parent = $_[0] =~ s{/[^/]*$}{}r; make_folder($parent) if $parent && !-e $parent; mkdir $_[0] }
# A mount namespace needs privileges, or a user namespace with the same user in it.
sub unshare_mounts {
    return if syscall($unshare, 0x20000) == 0; # CLONE_NEWNS
    my ($user, $group) = ($>, $) + 0);
    syscall($unshare, 0x10020000) == 0 or refuse('unshare'); # CLONE_NEWUSER
    write_file('/proc/self/setgroups', 'deny');
    write_file('/proc/self/uid_map', "$user $user 1") or refuse('uid_map');
    write_file('/proc/self/gid_map', "$group $group 1") or refuse('gid_map');
}
if ($ARGV[0] ne '-') {
    unshare_mounts();
    my ($none, $root) = ('none', '/'); # syscall needs variables
    syscall($mount, $none, $root, 0, 0x84000, 0) == 0 or refuse('mount /'); # MS_REC | MS_SLAVE
    my @mounts; # opened before a mount can cover them
    while ($ARGV[0] ne '-') {
        my ($access, $source, $target) = splice(@ARGV, 0, 3);
        sysopen(my $file, $source, 0x200000) or next; # O_PATH
        push @mounts, [$access, $file, $target];
    }
    for (@mounts) {
        my ($access, $source, $target) = ($_->[0], '/proc/self/fd/' . fileno($_->[1]), $_->[2]);
        if (!-e $target) { -d $source ? make_folder($target) : (make_folder($target =~ s{/[^/]*$}{}r), write_file($target, '')) }
        syscall($mount, $source, $target, 0, 0x5000, 0) == 0 or refuse("mount $target"); # MS_BIND | MS_REC
        next if $access eq 'rw';
        my $read_only = pack('QQQQ', 1, 0, 0, 0); # MOUNT_ATTR_RDONLY
        syscall(442, -100, $target, 0x8000, $read_only, 32) == 0 or refuse("mount_setattr $target"); # AT_FDCWD, AT_RECURSIVE
    }
    chdir(readlink('/proc/self/cwd')); # the same path through the new mounts
}
shift @ARGV;

my $ruleset = syscall(444, $ruleset_attr, length($ruleset_attr), 0);
refuse('landlock_create_ruleset') if $ruleset < 0;
while (@ARGV && $ARGV[0] ne '--') {
    my ($mask, $path) = splice(@ARGV, 0, 2);
    sysopen(my $file, $path, 0x200000) or next; # O_PATH; a missing path needs no rule
    my $rule = pack('Ql', $mask, fileno($file));
    syscall(445, $ruleset, 1, $rule, 0) == 0 or refuse("landlock_add_rule $path");
}
shift @ARGV;
if ($capset) {
    my ($header, $none) = (pack('LL', 0x20080522, 0), "\0" x 24);
    syscall($prctl, 24, $_, 0, 0, 0) for 0 .. 63; # PR_CAPBSET_DROP
    syscall($capset, $header, $none) == 0 or refuse('capset');
}
# Fails only if a lower limit applies already.
sub limit { my ($resource, $limits) = ($_[0], pack('QQ', $_[1], $_[1])); syscall($prlimit, 0, $resource, $limits, 0) }
limit(4, 0); # RLIMIT_CORE
limit(2, $data) if $data; # RLIMIT_DATA
syscall($prctl, 38, 1, 0, 0, 0) == 0 or refuse('PR_SET_NO_NEW_PRIVS');
syscall(446, $ruleset, 0) == 0 or refuse('landlock_restrict_self');
exec { $ARGV[0] } @ARGV;
exit($! == 2 ? 127 : 126); # 127 for ENOENT, as in a shell
