import type { Outcome } from "../core/outcome.ts";
import { type Act, act, attempt, perl, readVerdict, type Verdict } from "./doctor-act.ts";
import type { Limits } from "./limits.ts";
import { SYSCALLS } from "./syscalls.ts";

const ARCH = process.arch === "arm64" ? "aarch64" : "x86_64";
const MIB = 2 ** 20;

/** Ceilings of the box that limits are tried in: small, so that passing them costs the machine little. */
export const TIGHT_LIMITS: Limits = {
  memoryBytes: 256 * MIB,
  processes: 64,
  diskBytes: 64 * MIB,
  diskFiles: 3000,
  fileBytes: 24 * MIB,
  tmpBytes: 32 * MIB,
  cpuSecondsPerProcess: 1,
};

/** Ceilings for trying the disk's: there, processor time must not run out first. */
export const FULL_LIMITS: Limits = { ...TIGHT_LIMITS, cpuSecondsPerProcess: 60 };

/** Acts against variables, descriptors and the terminal of the person's. */
export const ENVIRONMENT_ACTS: readonly Act[] = [
  act({
    id: "environment",
    group: "environment",
    what: "find a variable of this program in the environment",
    needs: ["env", "grep"],
    steps: ({ canary }) => [attempt(`[ -n "$RINGFENCE_CANARY" ] || env | grep -q ${canary}`, "found the variable")],
  }),
  act({
    id: "environment-proc",
    group: "environment",
    what: "find it in the environment of any process",
    needs: ["grep"],
    steps: ({ canary }) => [attempt(`grep -qsa ${canary} /proc/[0-9]*/environ`, "found the variable")],
  }),
  act({
    id: "environment-keys",
    group: "environment",
    what: "find a variable that looks like a credential",
    needs: ["env"],
    steps: () => [
      'found=; for name in $(compgen -e); do case "$name" in *TOKEN*|*SECRET*|*PASSW*|*API_KEY*|*ACCESS_KEY*|*_AUTH_*) found="$found $name";; esac; done; ' +
        '[ -z "$found" ] && echo "HELD none" || echo "REACHED$found"',
    ],
  }),
  act({
    id: "descriptors",
    group: "environment",
    what: "use a descriptor that was inherited",
    // 255 is the shell's own.
    steps: () => [
      'extra=; for file in /proc/$$/fd/*; do case "${file##*/}" in 0|1|2|255) ;; *) [ -L "$file" ] && extra="$extra ${file##*/}";; esac; done; ' +
        '[ -z "$extra" ] && echo "HELD only 0, 1 and 2" || echo "REACHED$extra"',
    ],
  }),
  act({
    id: "status-channel",
    group: "environment",
    what: "escape a kill by lying to the host about which process to kill",
    timeoutMs: 700,
    // Process 1 holds the pipe on which bubblewrap reports; whoever writes there must not be believed.
    steps: () => [
      `for fd in /proc/1/fd/*; do [ "\${fd##*/}" -gt 2 ] && (printf '{ "child-pid": 2 }\\n' >$fd) 2>/dev/null; done; ${BEAT} while :; do sleep 1; done`,
      BEAT_VERDICT,
    ],
  }),
];

/** Acts against the person's terminal. */
export const TERMINAL_ACTS: readonly Act[] = [
  act({
    id: "tty",
    group: "terminal",
    what: "open the person's terminal by /dev/tty",
    needs: ["perl"],
    steps: () => [perl('sysopen(my $tty, "/dev/tty", O_RDWR) ? reached("opened it") : held("refused: $!");')],
  }),
  act({
    id: "tty-descriptors",
    group: "terminal",
    what: "find a terminal behind standard input, output or errors",
    steps: () => [
      'if [ -t 0 ] || [ -t 1 ] || [ -t 2 ]; then echo "REACHED a terminal"; else echo "HELD there is none"; fi',
    ],
  }),
  act({
    id: "other-terminals",
    group: "terminal",
    what: "see other terminals in /dev/pts",
    needs: ["ls"],
    steps: () => [
      'found=$(ls /dev/pts | grep -v ptmx | tr "\\n" " "); [ -z "$found" ] && echo "HELD there is none" || echo "REACHED $found"',
    ],
  }),
];

// A process that writes a growing number, to see from another sandbox whether it lives.
const BEAT =
  "(trap '' TERM HUP INT; n=0; while [ ! -e beat-stop ]; do n=$((n+1)); echo $n >beat.new; mv beat.new beat; sleep 0.02; done) </dev/null >/dev/null 2>&1 &";
const BEATS =
  "first=$(cat beat); sleep 0.3; second=$(cat beat); touch beat-stop; sleep 0.1; rm -f beat-stop beat beat.new;";
const BEAT_VERDICT = `${BEATS} [ -n "$first" ] || { echo "NOT TRIED it never ran"; exit; }; [ "$first" = "$second" ] && echo "HELD it is dead" || echo "REACHED it lives on"`;

/** Acts that signal what is not theirs. */
export const SIGNAL_ACTS: readonly Act[] = [
  act({
    id: "kill-all",
    group: "signals",
    what: "kill the processes of another command",
    needs: ["sleep", "mv"],
    steps: () => [
      `${BEAT} sleep 0.1`,
      "kill -9 -1; true",
      `${BEATS} [ -n "$first" ] || { echo "NOT TRIED it never ran"; exit; }; [ "$first" != "$second" ] && echo "HELD it lives on" || echo "REACHED it was killed"`,
    ],
  }),
  act({
    id: "kill-init",
    group: "signals",
    what: "kill process 1 and with it what keeps the box",
    steps: () => ["kill -9 1 0; true", 'echo "HELD the next command ran"'],
    harm: ({ isMarkerAlive }) => (isMarkerAlive() ? null : "a process of the machine was killed"),
  }),
  act({
    id: "stop-all",
    group: "signals",
    what: "stop every process that can be named, and then go on",
    needs: ["sleep"],
    steps: () => [
      "for pid in /proc/[0-9]*; do pid=${pid#/proc/}; [ $pid = $$ ] || kill -STOP $pid; done 2>/dev/null; kill -STOP -1; kill -CONT -1; true",
      'echo "HELD the next command ran"',
    ],
  }),
];

/** Acts that use more than is given; for a box with TIGHT_LIMITS, each of DISK_ACTS for one of its own. */
export const LIMIT_ACTS: readonly Act[] = [
  act({
    id: "memory",
    group: "limits",
    what: `use more memory than ${TIGHT_LIMITS.memoryBytes / MIB} MiB`,
    needs: ["perl"],
    judge: killedFor("memory", /exit status (137|9)\b/),
    steps: () => [
      perl(
        '$| = 1; my @kept; for (1 .. 48) { my $piece = "x"; $piece x= 16 << 20; push @kept, $piece; print "took ", $_ * 16, " MiB\\n" } sleep 2; reached("took 768 MiB");',
      ),
    ],
  }),
  act({
    id: "processes",
    group: "limits",
    what: `start more than ${TIGHT_LIMITS.processes} processes`,
    needs: ["perl"],
    steps: () => [
      perl(
        `my @pids; my $why = ""; for (1 .. ${TIGHT_LIMITS.processes * 3}) { my $pid = fork; if (!defined $pid) { $why = $!; last } if (!$pid) { sleep 5; exit } push @pids, $pid } ` +
          `kill "KILL", @pids; waitpid($_, 0) for @pids; $why ? held("stopped after " . @pids . ": $why") : reached("started " . @pids);`,
      ),
    ],
  }),
  act({
    id: "processes-elsewhere",
    group: "limits",
    what: "keep other commands from starting by a storm of processes",
    needs: ["perl"],
    timeoutMs: 1500,
    steps: () => [
      perl(
        "for (1 .. 200) { my $pid = fork; if (!defined $pid) { select(undef, undef, undef, 0.01); next } if (!$pid) { sleep 1; exit } } sleep 1;",
      ),
      'echo "HELD the next command ran"',
    ],
  }),
  act({
    id: "file-size",
    group: "limits",
    what: `write a file of more than ${TIGHT_LIMITS.fileBytes / MIB} MiB`,
    needs: ["head", "stat"],
    steps: () => [
      `(head -c ${TIGHT_LIMITS.fileBytes + 8 * MIB} /dev/zero >big) 2>/dev/null; size=$(stat -c %s big); rm -f big; ` +
        `[ "$size" -le ${TIGHT_LIMITS.fileBytes} ] && echo "HELD stopped at $((size / ${MIB})) MiB" || echo "REACHED wrote $size bytes"`,
    ],
  }),
  act({
    id: "raise-limit",
    group: "limits",
    what: "raise a limit again",
    steps: () => [attempt("ulimit -Hf unlimited || ulimit -Ht unlimited || ulimit -Hc unlimited", "raised it")],
  }),
  act({
    id: "preallocate",
    group: "limits",
    what: "take disk at once by fallocate",
    needs: ["perl"],
    steps: () => [
      perl(
        `sysopen(my $file, "preallocated", O_RDWR | O_CREAT) or die; my $ok = syscall(${SYSCALLS.fallocate[ARCH]}, fileno($file), 0, 0, 1 << 20) == 0; ` +
          'unlink "preallocated"; $ok ? reached("took it") : $!{EOPNOTSUPP} || $!{EPERM} ? held("refused: $!") : reached("failed only later: $!");',
      ),
    ],
  }),
  act({
    id: "tmp-size",
    group: "limits",
    what: `fill /tmp beyond ${TIGHT_LIMITS.tmpBytes / MIB} MiB`,
    needs: ["head"],
    steps: () => [
      `for n in 1 2 3 4; do head -c ${16 * MIB} /dev/zero >/tmp/fill$n || break; done 2>/tmp/why; full=$?; total=$(du -smc /tmp/fill* | tail -n 1 | cut -f 1); rm -f /tmp/fill* /tmp/why; ` +
        `[ "$total" -le ${TIGHT_LIMITS.tmpBytes / MIB} ] && echo "HELD full at $total MiB" || echo "REACHED wrote $total MiB"`,
    ],
  }),
  act({
    id: "core-dump",
    group: "limits",
    what: "have the kernel write a core dump",
    needs: ["perl"],
    steps: () => [
      '[ "$(ulimit -Hc)" = 0 ] && echo "HELD none is written" || echo "REACHED a dump may be $(ulimit -Hc) blocks"',
    ],
  }),
  act({
    id: "cpu-time",
    group: "limits",
    what: `compute for more than ${TIGHT_LIMITS.cpuSecondsPerProcess} s of processor time in one process`,
    needs: ["perl"],
    steps: () => [
      `perl -e 'use POSIX; while ((times)[0] < 4) { } print "late\\n"' >/tmp/late; s=$?; [ $s -gt 128 ] && echo "HELD killed by signal $((s - 128))" || echo "REACHED it ended with $s"`,
    ],
  }),
  act({
    id: "wall-time",
    group: "limits",
    what: "outlive the time limit by ignoring signals and leaving the session",
    needs: ["setsid", "sleep"],
    timeoutMs: 600,
    steps: () => [
      `export -f 2>/dev/null; setsid bash -c '${BEAT.replaceAll("'", "'\\''")} disown -a'; trap '' TERM HUP INT; while :; do sleep 1; done`,
      BEAT_VERDICT,
    ],
  }),
];

export const DISK_ACTS: readonly Act[] = [
  act({
    id: "disk",
    group: "limits",
    what: `write more than ${TIGHT_LIMITS.diskBytes / MIB} MiB into the checkout`,
    needs: ["head"],
    judge: killedFor("disk", null),
    steps: () => [
      `for n in $(seq 1 24); do head -c ${16 * MIB} /dev/zero >fill$n; echo "wrote $((n * 16)) MiB"; done; sleep 6; echo "REACHED wrote 384 MiB"`,
    ],
  }),
  act({
    id: "disk-files",
    group: "limits",
    what: `make more than ${TIGHT_LIMITS.diskFiles} files`,
    needs: ["perl"],
    judge: killedFor("disk", null),
    steps: () => [
      perl(
        '$| = 1; mkdir "many"; for (1 .. 30000) { open(my $file, ">", "many/$_") or held("refused: $!"); print "made $_\\n" if $_ % 1000 == 0 } sleep 6; reached("made 30000");',
      ),
    ],
  }),
];

/** Holds when the command was killed by the watcher, or by the kernel with that status; tells how far it came. */
function killedFor(limit: string, byKernel: RegExp | null): (outcome: Outcome) => Verdict {
  return (outcome) => {
    const far = outcome.text.match(/^(?:took|wrote|made) .*$/gm)?.at(-1);
    const note = far === undefined ? "" : `; it ${far}`;
    if (outcome.ok) return readVerdict(outcome);
    if (outcome.code === "limit" && outcome.text.includes(`${limit}:`)) {
      return { held: true, detail: `killed by the watcher${note}` };
    }
    if (outcome.code === "exit" && byKernel?.test(outcome.text))
      return { held: true, detail: `killed by the kernel${note}` };
    return readVerdict(outcome);
  };
}
