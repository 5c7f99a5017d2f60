import { type Act, act, attempt, perl } from "./doctor-act.ts";
import { BEAT, BEAT_ALIVE, BEAT_VERDICT } from "./doctor-beat.ts";

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
    timeoutMs: 1500,
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

/** Acts that signal what is not theirs. */
export const SIGNAL_ACTS: readonly Act[] = [
  act({
    id: "kill-all",
    group: "signals",
    what: "kill the processes of another command",
    needs: ["sleep", "mv"],
    steps: () => [`${BEAT} while [ ! -e beat ]; do sleep 0.02; done`, "kill -9 -1; true", BEAT_ALIVE],
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
