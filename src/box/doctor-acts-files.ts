import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { quote } from "./commands.ts";
import { type Act, act, attempt, leaveToHost, perl } from "./doctor-act.ts";
import { besideHarm, fileIsThere, onlyNames } from "./doctor-look.ts";
import { CHECKOUT_FILES, type Place } from "./doctor-place.ts";

/** What `/dev` and the root of the box may hold; anything else came from the host. */
const DEVICES = "core console fd full null ptmx pts random shm stderr stdin stdout tty urandom zero";
const ROOTS = "bin dev etc lib lib32 lib64 libx32 proc run sbin tmp usr var";

/** Acts against the files of the machine. */
export const FILE_ACTS: readonly Act[] = [
  act({
    id: "write-usr",
    group: "files",
    what: "make a file in /usr",
    steps: () => [attempt(": >/usr/ringfence-canary", "made /usr/ringfence-canary")],
    harm: () => fileIsThere("/usr/ringfence-canary"),
  }),
  act({
    id: "write-etc",
    group: "files",
    what: "make a file in /etc",
    steps: () => [attempt(": >/etc/ringfence-canary", "made /etc/ringfence-canary")],
    harm: () => fileIsThere("/etc/ringfence-canary"),
  }),
  act({
    id: "open-passwd",
    group: "files",
    what: "open /etc/passwd for writing",
    steps: () => [attempt(": >>/etc/passwd", "opened /etc/passwd")],
  }),
  act({
    id: "write-root",
    group: "files",
    what: "make a folder in /",
    needs: ["mkdir"],
    steps: () => [attempt("mkdir /ringfence-canary", "made /ringfence-canary")],
    harm: () => fileIsThere("/ringfence-canary"),
  }),
  act({
    id: "read-beside",
    group: "files",
    what: "read a file beside the checkout",
    needs: ["grep"],
    steps: (place) => [attempt(`grep -q ${place.besideText} ${quote(place.beside)}`, "read the file")],
  }),
  act({
    id: "write-beside",
    group: "files",
    what: "change a file beside the checkout",
    steps: (place) => [leaveToHost(`echo changed >>${quote(place.beside)}`, "the file beside is unchanged")],
    harm: besideHarm,
  }),
  act({
    id: "link-beside",
    group: "files",
    what: "give a file beside the checkout a second name inside",
    needs: ["ln", "grep"],
    steps: (place) => [
      attempt(`rm -f hard; ln ${quote(place.beside)} hard && grep -q ${place.besideText} hard`, "linked the file"),
    ],
  }),
  act({
    id: "write-checkout",
    group: "files",
    what: "change a file of the real checkout",
    steps: () => [leaveToHost("echo changed >src/main.txt", "the change is in the layer only")],
    harm: checkoutHarm,
  }),
  act({
    id: "delete-checkout",
    group: "files",
    what: "delete the files of the real checkout",
    needs: ["rm"],
    steps: () => [leaveToHost("rm -rf src README.md", "the deletion is in the layer only")],
    harm: checkoutHarm,
  }),
  act({
    id: "rest-of-disk",
    group: "files",
    what: "see other folders of the disk's root",
    needs: ["ls"],
    steps: (place) => [onlyNames("/", `${ROOTS} ${rootsOf(place)}`)],
  }),
  act({
    id: "read-log",
    group: "files",
    what: "read the system's logs and databases in /var",
    needs: ["ls"],
    steps: () => [
      attempt("ls /var/log || ls /var/lib/dpkg || ls /var/lib/systemd || ls /var/spool", "listed a folder of /var"),
    ],
  }),
  act({
    id: "sys",
    group: "files",
    what: "reach /sys",
    needs: ["ls"],
    steps: () => [attempt("ls /sys/kernel", "listed /sys/kernel")],
  }),
  act({
    id: "devices",
    group: "files",
    what: "see devices of the machine in /dev",
    needs: ["ls"],
    steps: () => [onlyNames("/dev", DEVICES)],
  }),
  act({
    id: "make-device",
    group: "files",
    what: "make a node for a disk or for memory",
    needs: ["mknod"],
    steps: () => [attempt("mknod disk b 8 0 || mknod /tmp/memory c 1 1", "made a device node")],
  }),
  act({
    id: "set-id",
    group: "files",
    what: "make a program set-user-id",
    needs: ["cp", "chmod"],
    steps: () => [
      attempt("cp /bin/true setid && chmod 755 setid && chmod u+s setid && [ -u setid ]", "made it set-user-id"),
    ],
  }),
  act({
    id: "core-pattern",
    group: "files",
    what: "open /proc/sys/kernel/core_pattern for writing",
    needs: ["perl"],
    steps: () => [perl(openForWriting("/proc/sys/kernel/core_pattern"))],
  }),
  act({
    id: "sysrq",
    group: "files",
    what: "open /proc/sysrq-trigger for writing",
    needs: ["perl"],
    steps: () => [perl(openForWriting("/proc/sysrq-trigger"))],
  }),
  act({
    id: "kernel-settings",
    group: "files",
    what: "find a writable setting of the kernel in /proc/sys",
    needs: ["find"],
    steps: () => [
      'found=$(find /proc/sys -type f -writable -print -quit 2>/dev/null); [ -z "$found" ] && echo "HELD none is writable" || echo "REACHED $found"',
    ],
  }),
  act({
    id: "write-toolchain",
    group: "files",
    what: "make a file among the toolchains and in /usr/local",
    needs: ["touch"],
    steps: ({ toolchainRoots }) => [
      attempt(
        ["/usr/local", ...toolchainRoots].map((root) => `touch ${quote(`${root}/ringfence-canary`)}`).join(" || "),
        "made a file",
      ),
    ],
    harm: ({ toolchainRoots }) => {
      for (const root of ["/usr/local", ...toolchainRoots])
        if (existsSync(join(root, "ringfence-canary"))) return `a file was made in ${root}`;
      return null;
    },
  }),
];

// Only opened, never written: on a machine where this does not hold, a written byte would be harm.
function openForWriting(path: string): string {
  return `sysopen(my $file, "${path}", O_WRONLY) ? reached("opened it for writing") : held("refused: $!");`;
}

function rootsOf({ home, checkout, toolchainRoots }: Place): string {
  return [home, checkout, ...toolchainRoots].map((path) => path.split("/")[1] ?? "").join(" ");
}

function checkoutHarm({ checkout }: Place): string | null {
  for (const [name, text] of Object.entries(CHECKOUT_FILES)) {
    const path = join(checkout, name);
    if (!existsSync(path) || readFileSync(path, "utf8") !== text) return `${name} of the real checkout was changed`;
  }
  return null;
}
