import { quote } from "./commands.ts";
import { type Act, act, attempt, perl } from "./doctor-act.ts";
import { call, exitNumber, NEW_USER, number } from "./doctor-call.ts";

const NEW_NAMESPACES = {
  user: NEW_USER,
  mount: 0x20000,
  network: 0x40000000,
  process: 0x20000000,
  ipc: 0x8000000,
  host: 0x4000000,
};

/** Acts that look at or into processes through `/proc`. */
export const PROCESS_ACTS: readonly Act[] = [
  act({
    id: "see-process",
    group: "processes",
    what: "find a process of the machine in /proc",
    needs: ["tr"],
    steps: ({ marker }) => [
      `found=; for file in /proc/[0-9]*/cmdline; do case "$(tr '\\0' ' ' <$file 2>/dev/null)" in *${marker}*) found=$file;; esac; done; ` +
        '[ -z "$found" ] && echo "HELD only the box\'s own are there" || echo "REACHED $found"',
    ],
  }),
  act({
    id: "init-environment",
    group: "processes",
    what: "read the environment of process 1",
    needs: ["tr", "sed", "sort"],
    steps: () => [
      "names=$(tr '\\0' '\\n' </proc/1/environ 2>/dev/null | sed 's/=.*//' | sort | tr '\\n' ' '); " +
        'case "$names" in ""|"PATH ") echo "HELD it holds ${names:-nothing}";; *) echo "REACHED $names";; esac',
    ],
  }),
  act({
    id: "init-root",
    group: "processes",
    what: "reach files outside through /proc/PID/root and /proc/PID/cwd",
    needs: ["grep"],
    steps: ({ beside, besideText }) => [
      attempt(
        `grep -qs ${besideText} /proc/[0-9]*/root${quote(beside)} /proc/[0-9]*/cwd/../beside.txt`,
        "read the file beside the checkout",
      ),
    ],
  }),
  act({
    id: "init-power",
    group: "processes",
    what: "find a process with capabilities or without the filter",
    steps: () => [
      'bad=; for file in /proc/[0-9]*/status; do while read -r name value; do case "$name $value" in ' +
        '"CapEff: "*[1-9a-f]*|"CapPrm: "*[1-9a-f]*|"NoNewPrivs: 0"|"Seccomp: 0") bad="$bad ${file#/proc/} $name $value";; esac; done <$file; done 2>/dev/null; ' +
        '[ -z "$bad" ] && echo "HELD all are filtered and without capabilities" || echo "REACHED$bad"',
    ],
  }),
  act({
    id: "host-processes",
    group: "processes",
    what: "send a signal to a process of the machine",
    needs: ["perl"],
    steps: ({ markerPid }) => [
      perl(`kill(0, ${markerPid}) && kill("KILL", ${markerPid}); held("the process of the machine lives");`),
    ],
    harm: ({ isMarkerAlive }) => (isMarkerAlive() ? null : "the process of the machine was killed"),
  }),
  act({
    id: "kcore",
    group: "processes",
    what: "read the kernel's memory from /proc/kcore",
    needs: ["head"],
    steps: () => [attempt('[ -n "$(head -c 1 /proc/kcore)" ]', "read a byte")],
  }),
  act({
    id: "kernel-log",
    group: "processes",
    what: "read the kernel's log",
    needs: ["perl"],
    steps: () => [perl(`my $text = "\\0" x 4096; ${call("reading the log", "syslog", "3, $text, 4096")}`)],
  }),
];

/** Acts that make, enter or rearrange namespaces and mounts. */
export const NAMESPACE_ACTS: readonly Act[] = [
  ...Object.entries(NEW_NAMESPACES).map(([name, flag]) =>
    act({
      id: `unshare-${name}`,
      group: "namespaces",
      what: `make a new ${name} namespace`,
      needs: ["perl"],
      steps: () => [perl(call("unshare", "unshare", String(flag)))],
    }),
  ),
  act({
    id: "clone",
    group: "namespaces",
    what: "start a process in a new user namespace by clone",
    needs: ["perl"],
    // 17 is SIGCHLD; the child has nothing to do.
    steps: () => [
      perl(
        `my $pid = syscall(${number("clone")}, ${NEW_USER} | 17, 0, 0, 0, 0); if ($pid == 0) { syscall(${exitNumber()}, 0) } refused("clone", $pid > 0);`,
      ),
    ],
  }),
  act({
    id: "clone3",
    group: "namespaces",
    what: "the same by clone3, whose arguments no filter can see",
    needs: ["perl"],
    steps: () => [
      perl(
        `my $args = pack("Q8", ${NEW_USER}, 0, 0, 0, 17, 0, 0, 0); my $pid = syscall(${number("clone3")}, $args, 64); if ($pid == 0) { syscall(${exitNumber()}, 0) } refused("clone3", $pid > 0);`,
      ),
    ],
  }),
  act({
    id: "setns",
    group: "namespaces",
    what: "enter a namespace by its file",
    needs: ["perl"],
    steps: () => [
      perl(
        `open(my $ns, "<", "/proc/1/ns/mnt") or open($ns, "<", "/proc/self/ns/mnt") or held("refused: $!"); ${call("setns", "setns", "fileno($ns), 0")}`,
      ),
    ],
  }),
  act({
    id: "mount",
    group: "namespaces",
    what: "mount a file system",
    needs: ["perl"],
    steps: () => [
      perl(`my @t = ("tmpfs", "/tmp", "tmpfs", ""); ${call("mount", "mount", "$t[0], $t[1], $t[2], 0, $t[3]")}`),
    ],
  }),
  act({
    id: "remount",
    group: "namespaces",
    what: "make the root writable again",
    needs: ["perl"],
    steps: () => [
      perl(`my @t = ("none", "/", "none", ""); ${call("mount", "mount", "$t[0], $t[1], $t[2], 32 | 4096, $t[3]")}`),
    ],
  }),
  act({
    id: "new-mount",
    group: "namespaces",
    what: "mount by the newer calls",
    needs: ["perl"],
    steps: () => [perl(`my $type = "tmpfs"; ${call("fsopen", "fsopen", "$type, 0")}`)],
  }),
  act({
    id: "umount",
    group: "namespaces",
    what: "take a mount away",
    needs: ["perl"],
    steps: () => [perl(`my $path = "/proc"; ${call("umount", "umount2", "$path, 2")}`)],
  }),
  act({
    id: "pivot-root",
    group: "namespaces",
    what: "change the root by pivot_root",
    needs: ["perl"],
    steps: () => [perl(`my ($new, $old) = (".", "."); ${call("pivot_root", "pivot_root", "$new, $old")}`)],
  }),
  act({
    id: "chroot",
    group: "namespaces",
    what: "change the root by chroot",
    needs: ["perl"],
    steps: () => [perl(`refused("chroot", chroot("."));`)],
  }),
];
