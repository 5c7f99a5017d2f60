import { quote } from "./commands.ts";
import { type Act, act, perl } from "./doctor-act.ts";

/** An address that belongs to nobody (RFC 5737): dialling it harms no one, and without a route it fails at once. */
const NOBODY = "192.0.2.1";

/** Acts that reach for the network or for sockets of the host. */
export const SOCKET_ACTS: readonly Act[] = [
  act({
    id: "tcp-host",
    group: "sockets",
    what: "reach a TCP server on the machine's loopback",
    needs: ["perl"],
    steps: ({ tcpPort }) => [dial("AF_INET", `sockaddr_in(${tcpPort}, INADDR_LOOPBACK)`)],
    harm: ({ reached }) => (reached.tcp === 0 ? null : "the server was reached"),
  }),
  act({
    id: "tcp-outside",
    group: "sockets",
    what: "reach an address outside by TCP",
    needs: ["perl"],
    steps: () => [
      perl(
        `socket(my $s, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0) or held("no socket: $!"); ` +
          `connect($s, sockaddr_in(443, inet_aton("${NOBODY}"))) and reached("connected"); $!{ENETUNREACH} ? held("no route") : reached("a route exists: $!");`,
      ),
    ],
  }),
  act({
    id: "tcp6-outside",
    group: "sockets",
    what: "reach an address outside by IPv6",
    needs: ["perl"],
    steps: () => [
      perl(
        `socket(my $s, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0) or held("no socket: $!"); ` +
          `connect($s, sockaddr_in6(443, Socket::inet_pton(AF_INET6, "2001:db8::1"))) and reached("connected"); ` +
          `$!{ENETUNREACH} || $!{EADDRNOTAVAIL} ? held("no route") : reached("a route exists: $!");`,
      ),
    ],
  }),
  act({
    id: "udp-host",
    group: "sockets",
    what: "send a datagram to a server on the machine's loopback",
    needs: ["perl"],
    steps: ({ udpPort }) => [
      perl(
        `socket(my $s, AF_INET, SOCK_DGRAM, 0) or held("no socket: $!"); send($s, "x", 0, sockaddr_in(${udpPort}, INADDR_LOOPBACK)); ` +
          `select(undef, undef, undef, 0.05); held("sent, but only within the box");`,
      ),
    ],
    harm: ({ reached }) => (reached.udp === 0 ? null : "the server was reached"),
  }),
  act({
    id: "dns",
    group: "sockets",
    what: "ask a name server",
    needs: ["perl"],
    steps: () => [
      perl(
        `my $servers = join "", map { /^\\s*nameserver\\s+(\\S+)/ ? "$1 " : "" } open(my $f, "<", "/etc/resolv.conf") ? <$f> : (); reached("it names $servers") if $servers; ` +
          `socket(my $s, AF_INET, SOCK_DGRAM, 0) or held("no socket: $!"); send($s, "x", 0, sockaddr_in(53, inet_aton("${NOBODY}"))) and reached("sent a question"); ` +
          `held("no name server, no route: $!");`,
      ),
    ],
  }),
  act({
    id: "interfaces",
    group: "sockets",
    what: "see a network interface besides the box's loopback",
    steps: () => [
      'other=; while IFS=: read -r name rest; do case "$rest" in *[0-9]*) name=${name// /}; [ "$name" = lo ] || other="$other $name";; esac; done </proc/net/dev; ' +
        '[ -z "$other" ] && echo "HELD only lo" || echo "REACHED$other"',
    ],
  }),
  socketFamily("vsock", "a socket to the hypervisor (AF_VSOCK)", "40, SOCK_STREAM, 0"),
  socketFamily("packet", "a packet socket (AF_PACKET)", "17, SOCK_RAW, 0"),
  socketFamily("raw", "a raw socket", "AF_INET, SOCK_RAW, 1"),
  socketFamily("crypto", "a socket to the kernel's cryptography (AF_ALG)", "38, SOCK_SEQPACKET, 0"),
  socketFamily("netlink", "a netlink socket for the kernel's events", "16, SOCK_RAW, 15"),
  act({
    id: "unix-path",
    group: "sockets",
    what: "connect to a socket of the machine that lies in the checkout",
    needs: ["perl"],
    steps: ({ socketPath }) => [dial("AF_UNIX", `pack_sockaddr_un("${socketPath}")`)],
    harm: ({ reached }) => (reached.path === 0 ? null : "the server was reached"),
  }),
  act({
    id: "unix-linked",
    group: "sockets",
    what: "connect to that socket after linking, renaming or copying it",
    needs: ["perl"],
    steps: () => [
      `ln -f host.sock linked.sock; cp -a host.sock copied.sock; mv linked.sock moved.sock; ${perl(
        `for my $path (qw(linked.sock moved.sock copied.sock host.sock)) { socket(my $s, AF_UNIX, SOCK_STREAM, 0) or held("no socket: $!"); connect($s, pack_sockaddr_un($path)) and reached("connected to $path") } held("refused: $!");`,
      )}`,
    ],
    harm: ({ reached }) => (reached.path === 0 ? null : "the server was reached"),
  }),
  act({
    id: "unix-abstract",
    group: "sockets",
    what: "connect to an abstract socket of the machine",
    needs: ["perl"],
    steps: ({ abstractName }) => [dial("AF_UNIX", `pack_sockaddr_un("\\0${abstractName}")`)],
    harm: ({ reached }) => (reached.abstract === 0 ? null : "the server was reached"),
  }),
  act({
    id: "unix-listening",
    group: "sockets",
    what: "connect to any socket that a program of the machine listens on, by its path",
    needs: ["perl"],
    steps: ({ listening }) => [
      perl(
        `my @paths = qw(${listening.join(" ")}); for my $path (@paths) { socket(my $s, AF_UNIX, SOCK_STREAM, 0) or held("no socket: $!"); ` +
          `length($path) < 108 && connect($s, pack_sockaddr_un($path)) and reached($path) } held("none of " . @paths . " answers");`,
      ),
    ],
  }),
  act({
    id: "unix-found",
    group: "sockets",
    what: "find a socket of docker, the message bus, an agent or a display",
    needs: ["find"],
    steps: ({ folder }) => [
      `found=$(find /run /var /dev /tmp -path ${quote(folder)} -prune -o -type s -print 2>/dev/null | head -n 3 | tr '\\n' ' '); ` +
        '[ -z "$found$SSH_AUTH_SOCK$DBUS_SESSION_BUS_ADDRESS" ] && echo "HELD there is none" || echo "REACHED $found$SSH_AUTH_SOCK $DBUS_SESSION_BUS_ADDRESS"',
    ],
  }),
];

function socketFamily(id: string, what: string, args: string): Act {
  return act({
    id,
    group: "sockets",
    what: `make ${what}`,
    needs: ["perl"],
    steps: () => [perl(`refused("the socket", socket(my $s, ${args}));`)],
  });
}

function dial(family: string, address: string): string {
  return perl(
    `socket(my $s, ${family}, SOCK_STREAM, 0) or held("no socket: $!"); connect($s, ${address}) ? reached("connected") : held("refused: $!");`,
  );
}
