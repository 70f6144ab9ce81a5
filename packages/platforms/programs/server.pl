# Runs a server and moves its TCP listeners away from the machine's network (docs/decisions/0027-servers-on-one-machine.md).
#   server.pl NUMBERS MODE -- PROGRAM ARGUMENT...
#   server.pl NUMBERS check: prints the best mode that works here, or the reason why none does.
# NUMBERS: of system calls and of the processor, which differ by architecture, see server-network.ts.
# MODE private: listeners move to a network namespace that only this process and the server's processes reach. loopback: they bind 127.0.0.1 or ::1.
#
# The kernel asks this process about every bind(2) and connect(2) of the server (seccomp_unotify(2)). File descriptor 3 is Node's IPC channel: the control
# server sends a number as JSON for each connection that it needs, and gets a connected socket with that number, or {"id", "error"}.
use strict;
use warnings;

my ($audit_arch, $bind, $connect, $prctl, $seccomp, $unshare, $sendmsg) = map { $_ + 0 } split(/,/, shift);
my $mode = shift;
use constant { PIDFD_OPEN => 434, PIDFD_GETFD => 438, AF_INET => 2, AF_INET6 => 10, SOCK_STREAM => 1, SOL_SOCKET => 1, IPPROTO_TCP => 6, IPPROTO_IPV6 => 41 };
use constant { NOTIF_RECV => 0xc0502100, NOTIF_SEND => 0xc0182101, NOTIF_ADDFD => 0x40182103, CONTINUE => 1, SETFD => 1 };
use constant { F_GETFD => 1, F_SETFD => 2, F_GETFL => 3, F_SETFL => 4, O_NONBLOCK => 04000, O_CLOEXEC => 02000000 };
use constant { EINTR => 4, EADDRNOTAVAIL => 99, EINPROGRESS => 115 };
my $ANY4 = "\0" x 4;
my $ANY6 = "\0" x 16;
my $LOOPBACK4 = pack('C4', 127, 0, 0, 1);
my $LOOPBACK6 = ("\0" x 15) . "\1";
# Options that a server may set before it binds: level, name.
my @OPTIONS = ([SOL_SOCKET, 2], [SOL_SOCKET, 15], [SOL_SOCKET, 9], [IPPROTO_TCP, 1], [IPPROTO_IPV6, 26]); # REUSEADDR, REUSEPORT, KEEPALIVE, NODELAY, V6ONLY

sub refuse { print STDERR "cannot confine the server: $_[0]: $!\n"; exit 126 }

# Opens a socket of the network namespace: `helper` reads a family and writes the number of its descriptor.
my ($helper_pid, $helper_pidfd, $to_helper, $from_helper);
sub start_helper {
    pipe(my $read_request, $to_helper) && pipe($from_helper, my $write_reply) or return;
    $helper_pid = fork() // return;
    if ($helper_pid == 0) {
        close($to_helper);
        close($from_helper);
        close(STDIN);
        # Root needs no user namespace. Others own their network namespace with a new one.
        my $has = syscall($unshare, 0x40000000) == 0 || syscall($unshare, 0x50000000) == 0;
        $has &&= socket(my $control, AF_INET, SOCK_STREAM, 0);
        my $up = pack('a16sx22', 'lo', 0x41);
        $has &&= ioctl($control, 0x8914, $up); # SIOCSIFFLAGS: up and running
        syswrite($write_reply, pack('l', $has ? 0 : -$!));
        my $socket;
        for (;;) {
            my $count = sysread($read_request, my $family, 1);
            next if !defined $count && $! == EINTR;
            last if !$count;
            syswrite($write_reply, pack('l', socket($socket, ord($family), SOCK_STREAM, 0) ? fileno($socket) : -$!));
        }
        require POSIX;
        POSIX::_exit(0);
    }
    close($read_request);
    close($write_reply);
    my $result = helper_reply();
    if ($result < 0) { $! = -$result; return }
    $helper_pidfd = syscall(PIDFD_OPEN, $helper_pid, 0);
    return $helper_pidfd >= 0;
}
sub helper_reply {
    for (;;) {
        my $count = sysread($from_helper, my $bytes, 4);
        next if !defined $count && $! == EINTR;
        return $count ? unpack('l', $bytes) : -1;
    }
}
sub private_socket {
    syswrite($to_helper, chr($_[0]));
    my $number = helper_reply();
    return $number < 0 ? undef : copied_socket($helper_pidfd, $number);
}

# Returns a descriptor of another process as a handle of this one.
sub copied_socket {
    my ($pidfd, $number) = @_;
    my $copy = syscall(PIDFD_GETFD, $pidfd + 0, $number + 0, 0);
    return if $copy < 0;
    open(my $handle, '+<&=', $copy) or return;
    return $handle;
}
sub process_socket {
    my ($pid, $number) = @_;
    my $pidfd = syscall(PIDFD_OPEN, $pid + 0, 0);
    return if $pidfd < 0;
    open(my $owner, '<&=', $pidfd);
    return copied_socket($pidfd, $number);
}

# Installs the filter: the kernel asks about the given system calls. Returns the listener's descriptor.
sub install_filter {
    my @calls = @_;
    syscall($prctl, 38, 1, 0, 0, 0); # PR_SET_NO_NEW_PRIVS
    my @program = ([0x20, 0, 0, 4], [0x15, 0, scalar(@calls) + 1, $audit_arch], [0x20, 0, 0, 0]);
    push @program, [0x15, $#calls - $_ + 1, 0, $calls[$_]] for 0 .. $#calls;
    push @program, [0x06, 0, 0, 0x7fff0000], [0x06, 0, 0, 0x7fc00000]; # allow, ask
    my $code = join('', map { pack('SCCL', @$_) } @program);
    my $attr = pack('Sx6P', scalar(@program), $code);
    # A signal must not interrupt a call that was moved already (Linux 5.19).
    for my $flags (0x28, 0x08) { # WAIT_KILLABLE_RECV, NEW_LISTENER
        my $listener = syscall($seccomp, 1, $flags, $attr);
        return $listener if $listener >= 0;
    }
    return -1;
}

# Starts a program under the filter. Returns its pid and the listener.
sub start_program {
    my @program = @_;
    pipe(my $read_number, my $write_number) && pipe(my $read_go, my $write_go) or refuse('pipe');
    my $pid = fork() // refuse('fork');
    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(TERM INT HUP CHLD);
        my $listener = install_filter($bind, $mode eq 'private' ? $connect : ());
        syswrite($write_number, pack('l', $listener));
        sysread($read_go, my $go, 1);
        refuse('seccomp') if $listener < 0;
        exec { $program[0] } @program;
        exit($! == 2 ? 127 : 126); # 127 for ENOENT, as in a shell
    }
    close($write_number);
    sysread($read_number, my $bytes, 4);
    my $number = unpack('l', $bytes);
    my $listener = $number < 0 ? undef : process_socket($pid, $number);
    syswrite($write_go, '.');
    return ($pid, $listener);
}

sub check {
    my $has_network = start_helper();
    my $why = "$!";
    $mode = $has_network ? 'private' : 'loopback';
    my ($pid, $listener) = start_program($^X, '-e', 'socket(S, 2, 1, 0); exit(bind(S, pack("Sna4x8", 2, 0, "\x7f\0\0\1")) ? 0 : 1)');
    if (!$listener) { print "none: this kernel does not permit seccomp notifications: $!\n"; exit }
    my $is_asked = answer($listener);
    waitpid($pid, 0);
    if (!$is_asked || $?) { print "none: the server's processes cannot be inspected\n" }
    else { print $has_network ? "private\n" : "loopback: no network namespace: $why\n" }
    exit;
}

# Answers one notification. Returns false if the process could not be inspected.
my %moved; # inodes of sockets that were moved when they were bound
sub answer {
    my ($listener) = @_;
    my $notification = "\0" x 80;
    return 0 if !ioctl($listener, NOTIF_RECV, $notification);
    my ($id, $pid, undef, $call, undef, undef, $number, $address, $length) = unpack('QLLlLQQQQ', $notification);
    my ($error, $flags, $is_inspected) = decide($listener, $id, $pid, $call, $number & 0xffffffff, $address, $length & 0xffffffff);
    ioctl($listener, NOTIF_SEND, pack('QqlL', $id, 0, -$error, $flags));
    return $is_inspected;
}

# Returns the error for the system call, or 0 with CONTINUE to let the kernel carry it out, and whether the process could be inspected.
sub decide {
    my ($listener, $id, $pid, $call, $number, $pointer, $length) = @_;
    my $bytes = memory_of($pid, $pointer, $length) // return (0, CONTINUE, 0);
    my $family = length($bytes) < 8 ? 0 : unpack('S', $bytes);
    return (0, CONTINUE, 1) if $family != AF_INET && $family != AF_INET6;
    return bring_back($listener, $id, $pid, $number) if $call == $connect && !is_loopback($bytes);
    my $status = file_text("/proc/$pid/status");
    my ($process) = $status =~ /^Tgid:\s*(\d+)/m or return (0, CONTINUE, 0);
    my $socket = process_socket($process, $number) // return (0, CONTINUE, 0);
    return (0, CONTINUE, 1) if option($socket, 3) != SOCK_STREAM; # SO_TYPE
    my $domain = option($socket, 39); # SO_DOMAIN
    return (0, CONTINUE, 1) if $domain != AF_INET && $domain != AF_INET6;
    if ($mode ne 'private') { return (bind($socket, with_host($bytes, $LOOPBACK4, $LOOPBACK6)) ? 0 : $! + 0, 0, 1) }
    my $new = private_socket($domain) // return ($call == $bind ? EADDRNOTAVAIL : 0, $call == $bind ? 0 : CONTINUE, 1);
    copy_options($socket, $new);
    my $result = 0;
    if ($call == $bind) {
        bind($new, $bytes) or ($! == EADDRNOTAVAIL && bind($new, with_host($bytes, $ANY4, $ANY6))) or return ($! + 0, 0, 1);
        $moved{inode_of("/proc/self/fd/" . fileno($new))} = 1;
    } else {
        $result = connected($new, $bytes);
        # Nothing of the server listens there: something else on this machine may.
        return (0, CONTINUE, 1) if $result && $result != EINPROGRESS;
    }
    my $is_blocking = replace($listener, $id, $pid, $number, $new);
    return ($is_blocking ? 0 : $result, 0, 1);
}

# Connects within the machine, and returns the error. That takes no time, unless the listener accepts nothing and its queue is full (EINPROGRESS).
sub connected {
    my ($socket, $address) = @_;
    setsockopt($socket, SOL_SOCKET, 21, pack('qq', 0, 1_000)); # SO_SNDTIMEO
    my $error = connect($socket, $address) ? 0 : $! + 0;
    setsockopt($socket, SOL_SOCKET, 21, pack('qq', 0, 0));
    return $error;
}

# Undoes the move of a socket that was bound as the source of an outgoing connection.
sub bring_back {
    my ($listener, $id, $pid, $number) = @_;
    if (%moved && delete $moved{inode_of("/proc/$pid/fd/$number")}) {
        my ($process) = file_text("/proc/$pid/status") =~ /^Tgid:\s*(\d+)/m;
        my $socket = process_socket($process, $number);
        if ($socket && socket(my $new, option($socket, 39), SOCK_STREAM, 0)) {
            copy_options($socket, $new);
            replace($listener, $id, $pid, $number, $new);
        }
    }
    return (0, CONTINUE, 1);
}

# Puts a socket in the place of a process's own. Returns true if it is a blocking one.
sub replace {
    my ($listener, $id, $pid, $number, $new) = @_;
    my ($octal) = file_text("/proc/$pid/fdinfo/$number") =~ /^flags:\s*(\d+)/m;
    my $flags = oct($octal // 0);
    fcntl($new, F_SETFL, fcntl($new, F_GETFL, 0) | O_NONBLOCK) if $flags & O_NONBLOCK;
    my $add = pack('QLLLL', $id, SETFD, fileno($new), $number, $flags & O_CLOEXEC);
    ioctl($listener, NOTIF_ADDFD, $add);
    return !($flags & O_NONBLOCK);
}

sub copy_options {
    my ($from, $to) = @_;
    for (@OPTIONS) {
        my ($level, $name) = @$_;
        my $value = getsockopt($from, $level, $name) or next;
        setsockopt($to, $level, $name, $value) if $value ne "\0\0\0\0";
    }
}
sub option { my $value = getsockopt($_[0], SOL_SOCKET, $_[1]); return defined $value ? unpack('l', $value) : -1 }
sub inode_of { return readlink($_[0]) // '' }
sub file_text { open(my $file, '<', $_[0]) or return ''; local $/; return scalar(readline($file)) // '' }
sub memory_of {
    my ($pid, $pointer, $length) = @_;
    open(my $memory, '<:raw', "/proc/$pid/mem") or return;
    sysseek($memory, $pointer, 0) or return;
    my $bytes;
    return defined sysread($memory, $bytes, $length > 128 ? 128 : $length) ? $bytes : undef;
}

# struct sockaddr_in: family, port, address. struct sockaddr_in6: family, port, flow, address, scope.
sub is_loopback {
    my ($bytes) = @_;
    my $host = unpack('S', $bytes) == AF_INET ? substr($bytes, 4, 4) : substr($bytes, 8, 16);
    $host = substr($host, 12) if substr($host, 0, 12) eq ("\0" x 10) . "\xff\xff";
    return $host eq $ANY4 || $host eq $ANY6 || $host eq $LOOPBACK6 || (length($host) == 4 && substr($host, 0, 1) eq "\x7f");
}
sub with_host {
    my ($bytes, $host4, $host6) = @_;
    # With IPV6_V6ONLY off, the mapped address takes IPv4 connections, as :: does.
    if (unpack('S', $bytes) == AF_INET) { substr($bytes, 4, 4) = $host4 }
    else { substr($bytes, 8, 16) = $host6 }
    return $bytes;
}

# Connects to the server, and sends the socket over the IPC channel.
sub connect_for {
    my ($channel, $id) = @_;
    my $error = 0;
    for ([AF_INET, pack('Sna4x8', AF_INET, $ENV{PORT}, $LOOPBACK4)], [AF_INET6, pack('Snx4a16x4', AF_INET6, $ENV{PORT}, $LOOPBACK6)]) {
        my ($family, $address) = @$_;
        my $socket = private_socket($family) or next;
        my $failure = connected($socket, $address);
        # A socket with EINPROGRESS connects when the server accepts the ones before it.
        return send_socket($channel, qq({"cmd":"NODE_HANDLE","type":"net.Socket","msg":$id}\n), $socket)
            if !$failure || $failure == EINPROGRESS;
        $error ||= $failure;
    }
    syswrite($channel, qq({"id":$id,"error":$error}\n));
}
sub send_socket {
    my ($channel, $text, $socket) = @_;
    fcntl($socket, F_SETFL, fcntl($socket, F_GETFL, 0) | O_NONBLOCK);
    my $control = pack('QllLx4', 20, SOL_SOCKET, 1, fileno($socket)); # SCM_RIGHTS
    my $vector = pack('PQ', $text, length($text));
    my $message = pack('x8Lx4PQPQlx4', 0, $vector, 1, $control, length($control), 0);
    syscall($sendmsg, fileno($channel), $message, 0);
}

check() if $mode eq 'check';
shift @ARGV;
open(my $channel, '+<&=', $ENV{NODE_CHANNEL_FD}) or refuse('the IPC channel');
fcntl($channel, F_SETFD, 1);
delete @ENV{'NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE'};
syscall($prctl, 36, 1, 0, 0, 0); # PR_SET_CHILD_SUBREAPER
pipe(my $wake, my $signal) or refuse('pipe');
$SIG{CHLD} = sub { syswrite($signal, '.') };
$SIG{$_} = sub {} for qw(TERM INT HUP); # The server itself gets them too: it is in the same process group.
start_helper() or refuse('the network namespace') if $mode eq 'private';
my ($program, $listener) = start_program(@ARGV);
$listener or refuse('seccomp');
my $helper = $helper_pid // 0;
syswrite($channel, qq({"own":[$$,$helper]}\n));

my $input = '';
for (;;) {
    my $ready = '';
    vec($ready, fileno($_), 1) = 1 for $wake, $listener, $channel;
    next if select($ready, undef, undef, undef) < 0;
    answer($listener) if vec($ready, fileno($listener), 1);
    if (vec($ready, fileno($channel), 1)) {
        my $count = sysread($channel, $input, 4096, length($input));
        # The control server was killed.
        kill('KILL', -getpgrp()) if defined $count && $count == 0;
        while ($input =~ s/^(?:(\d+)|[^\n]*)\n//) { connect_for($channel, $1 + 0) if defined $1 }
    }
    next if !vec($ready, fileno($wake), 1);
    sysread($wake, my $signals, 64);
    while ((my $pid = waitpid(-1, 1)) > 0) {
        next if $pid != $program;
        my ($signal_number, $code) = ($? & 127, $? >> 8);
        exit($code) if !$signal_number;
        $SIG{$_} = 'DEFAULT' for qw(TERM INT HUP);
        kill($signal_number, $$);
        sleep(1);
        exit(128 + $signal_number);
    }
}
