# Restricts itself by Landlock (landlock(7)) and then runs a program; sandbox.ts builds the arguments.
#   launcher.pl RULESET PRCTL CAPSET PRLIMIT DATA (MASK PATH)... -- PROGRAM ARGUMENT...
#   launcher.pl version: prints the kernel's Landlock version; 0 or less without Landlock.
# RULESET: struct landlock_ruleset_attr in hexadecimal. PRCTL, CAPSET, PRLIMIT: numbers of these system calls; CAPSET 0 keeps capabilities.
# DATA: bytes that may be mapped for writing (RLIMIT_DATA); 0 sets no limit.
if ($ARGV[0] eq 'version') { print syscall(444, 0, 0, 1); exit }
my ($ruleset_attr, $prctl, $capset, $prlimit, $data) = (pack('H*', $ARGV[0]), map { $_ + 0 } @ARGV[1 .. 4]);
splice(@ARGV, 0, 5);
# A program that cannot be restricted must not run.
sub refuse { print STDERR "cannot sandbox the process: $_[0]: $!\n"; exit 126 }

# If memory is short, the kernel should end this process before the server. Not every system permits changing the score.
if (open(my $score, '+<', '/proc/self/oom_score_adj')) {
    my $worse = readline($score) + 500;
    syswrite($score, $worse < 1000 ? $worse : 1000);
}

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
