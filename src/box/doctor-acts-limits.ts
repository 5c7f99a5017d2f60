import type { Outcome } from "../core/outcome.ts";
import { type Act, act, attempt, perl, readVerdict, type Verdict } from "./doctor-act.ts";
import { BEAT, BEAT_VERDICT } from "./doctor-beat.ts";
import { number } from "./doctor-call.ts";
import type { Limits } from "./limits.ts";

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

/** Acts that use more than is given; for a box with TIGHT_LIMITS. */
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
        `sysopen(my $file, "preallocated", O_RDWR | O_CREAT) or die; my $ok = syscall(${number("fallocate")}, fileno($file), 0, 0, 1 << 20) == 0; ` +
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
    timeoutMs: 1500,
    steps: () => [
      `setsid bash -c '${BEAT.replaceAll("'", "'\\''")} disown -a'; trap '' TERM HUP INT; while :; do sleep 1; done`,
      BEAT_VERDICT,
    ],
  }),
];

/** Acts that fill the layer, each for a box of its own with FULL_LIMITS. */
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
