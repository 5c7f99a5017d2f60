import { type Act, act, perl } from "./doctor-act.ts";
import { call } from "./doctor-call.ts";

/** Acts against parts of the kernel with a long record of holes, and into other processes. */
export const KERNEL_ACTS: readonly Act[] = [
  kernel("keyctl", "look for the person's keyring", call("keyctl", "keyctl", "0, -3, 0")),
  kernel(
    "add-key",
    "put a key into a keyring",
    `my ($type, $name, $key) = ("user", "ringfence", "x"); ${call("add_key", "add_key", "$type, $name, $key, 1, -2")}`,
  ),
  kernel(
    "bpf",
    "load a program into the kernel",
    `my $attr = pack("L12", 2, 4, 4, 1); ${call("bpf", "bpf", "0, $attr, 48")}`,
  ),
  kernel("userfaultfd", "take over page faults", call("userfaultfd", "userfaultfd", "1")),
  kernel(
    "io-uring",
    "have the kernel do calls unseen (io_uring)",
    `my $params = "\\0" x 120; ${call("io_uring_setup", "io_uring_setup", "1, $params")}`,
  ),
  // A software counter that counts nothing, for this process in user mode only.
  kernel(
    "perf",
    "watch by performance counters",
    `my $attr = pack("LLQQQQQx64", 1, 112, 9, 0, 0, 0, 0x60); ${call("perf_event_open", "perf_event_open", "$attr, 0, -1, -1, 0")}`,
  ),
  kernel("ptrace", "trace another process", withChild(call("ptrace", "ptrace", "0x4206, $pid, 0, 0"))),
  kernel("ptrace-init", "trace process 1", call("ptrace", "ptrace", "0x4206, 1, 0, 0")),
  kernel(
    "read-memory",
    "read another process's memory",
    `my $text = "x" x 16; my $into = "y" x 16; ${withChild(
      `my ($to, $from) = map { pack("pQ", $_, 16) } $into, $text; ${call("process_vm_readv", "process_vm_readv", "$pid, $to, 1, $from, 1, 0")}`,
    )}`,
  ),
  kernel(
    "take-descriptor",
    "take a descriptor out of another process",
    withChild(`my $fd = syscall(434, $pid, 0); ${call("pidfd_getfd", "pidfd_getfd", "$fd, 1, 0")}`),
  ),
  kernel(
    "handles",
    "reach files by handle, past all mounts",
    `my $handle = pack("Ll", 128, 0) . "\\0" x 128; my $id = "\\0" x 8; my $path = "."; ${call("name_to_handle_at", "name_to_handle_at", "-100, $path, $handle, $id, 0")}`,
  ),
  kernel(
    "open-handle",
    "open a file by a handle",
    `my $handle = pack("Ll", 8, 1) . "\\0" x 8; ${call("open_by_handle_at", "open_by_handle_at", "-100, $handle, 0")}`,
  ),
  kernel("personality", "make all memory executable", call("personality", "personality", "0x400000")),
  kernel("type-ahead", "type into the terminal (TIOCSTI)", `my $c = "x"; ${call("TIOCSTI", "ioctl", "0, 0x5412, $c")}`),
  kernel(
    "type-ahead-high",
    "the same with high bits that the kernel ignores",
    `my $c = "x"; ${call("TIOCSTI", "ioctl", "0, 0x5412 | (1 << 32), $c")}`,
  ),
  // Without a time, so that nothing is set where the call is let through.
  kernel("clock", "set the clock", call("clock_settime", "clock_settime", "0, 0")),
];

function kernel(id: string, what: string, code: string): Act {
  return act({ id, group: "kernel", what, needs: ["perl"], steps: () => [perl(code)] });
}

/** Writes Perl that runs code with a child in $pid; the child ends by itself. */
function withChild(code: string): string {
  return `my $pid = fork; if (!$pid) { sleep 2; exit } select(undef, undef, undef, 0.02); ${code}`;
}
