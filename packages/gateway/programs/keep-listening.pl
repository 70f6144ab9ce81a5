# Keeps a TCP port open while the server on it is started again after a crash: clients that connect meanwhile wait instead of being refused.
#   keep-listening.pl HOST PORT -- PROGRAM ARGUMENT...
# The program gets the listening socket as file descriptor 3, announced as by systemd, sd_listen_fds(3). SIGTERM and SIGINT are passed on; the port is
# then closed when the program closes it.
use strict;
use warnings;
# Only modules of Debian's perl-base, which every image has.
use POSIX ();
use Socket qw(getaddrinfo AI_NUMERICHOST AI_PASSIVE SOCK_STREAM SOL_SOCKET SO_REUSEADDR);

use constant { BACKLOG => 511, DESCRIPTOR => 3 };
# A program that fails this often, each time within the time, does not start again.
use constant { MAX_FAILURES => 5, STABLE_SECONDS => 10, FIRST_DELAY => 0.1 };

my ($host, $port, $separator, @command) = @ARGV;
die "usage: keep-listening.pl HOST PORT -- PROGRAM ARGUMENT...\n" if !@command || $separator ne '--';

sub listener {
    my ($error, $address) = getaddrinfo($host, $port, { flags => AI_NUMERICHOST | AI_PASSIVE, socktype => SOCK_STREAM });
    die "cannot listen on $host:$port: $error\n" if $error;
    my $socket;
    socket($socket, $address->{family}, SOCK_STREAM, 0)
        && setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1)
        && bind($socket, $address->{addr})
        && listen($socket, BACKLOG)
        or die "cannot listen on $host:$port: $!\n";
    return $socket;
}

my $socket = listener();
my ($child, $asked);
for my $signal (qw(TERM INT)) {
    $SIG{$signal} = sub {
        $asked = $signal;
        # The program has the socket too: closing it there must close the port.
        close($socket) if defined fileno($socket);
        kill $signal, $child if $child;
    };
}

sub start {
    $child = fork() // die "cannot fork: $!\n";
    if ($child == 0) {
        $SIG{$_} = 'DEFAULT' for qw(TERM INT);
        exit 0 if $asked;
        POSIX::dup2(fileno($socket), DESCRIPTOR) // die "cannot pass the socket: $!\n";
        # A duplicate is inherited; the original may have the same number.
        fcntl($socket, 2, 0) if fileno($socket) == DESCRIPTOR;
        @ENV{qw(LISTEN_FDS LISTEN_PID)} = (1, $$);
        exec { $command[0] } @command or print STDERR "cannot start $command[0]: $!\n";
        POSIX::_exit(127);
    }
    # The signal may have come before the child was known.
    kill $asked, $child if $asked;
}

sub wait_for_end {
    for (;;) {
        my $ended = waitpid($child, 0);
        return $? if $ended == $child;
        die "cannot wait for $child: $!\n" if $ended < 0 && !$!{EINTR};
    }
}

# Ends like the program.
sub finish {
    my ($status) = @_;
    POSIX::_exit($status & 127 ? 128 + ($status & 127) : $status >> 8);
}

my $failures = 0;
for (;;) {
    my $began = time();
    start();
    my $status = wait_for_end();
    finish($status) if $asked || $status == 0;
    $failures = time() - $began < STABLE_SECONDS ? $failures + 1 : 1;
    finish($status) if $failures >= MAX_FAILURES;
    my $how = $status & 127 ? 'signal ' . ($status & 127) : 'exit code ' . ($status >> 8);
    printf STDERR "{\"level\":50,\"time\":%d,\"msg\":\"the gateway ended with %s, starting it again\"}\n", time() * 1000, $how;
    # The first time without a delay: clients are waiting.
    select(undef, undef, undef, FIRST_DELAY * 2**($failures - 2)) if $failures > 1;
    finish($status) if $asked;
}
