import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quote } from "./commands.ts";
import { type Act, act, attempt, leaveToHost, perl } from "./doctor-act.ts";
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

const HIDDEN =
  ".ssh .aws .gnupg .azure .kube .docker .netrc .npmrc .pypirc .git-credentials .gitconfig .bash_history .zsh_history .bashrc .profile .zshrc " +
  ".config/gh .config/gcloud .config/git .config/ringfence .mozilla .password-store .local/share/keyrings .cargo/credentials.toml .m2/settings.xml";

/** Acts against the home. */
export const HOME_ACTS: readonly Act[] = [
  act({
    id: "list-home",
    group: "home",
    what: "see more of the home than toolchains",
    needs: ["ls"],
    // Caches are the box's own: what lies there of the person's is looked for below, by name.
    steps: ({ home, homeShown }) => [onlyNames(home, `${homeShown.join(" ")} .cache .config .local .npm`)],
  }),
  act({
    id: "home-names",
    group: "home",
    what: "see the names that the real home holds",
    steps: ({ home, homeNames }) => [findAny(home, homeNames)],
  }),
  act({
    id: "home-secrets",
    group: "home",
    what: "find keys, histories and credentials in the home",
    steps: ({ home }) => [findAny(home, HIDDEN.split(" "))],
  }),
  act({
    id: "other-homes",
    group: "home",
    what: "see other people's homes",
    needs: ["ls"],
    steps: ({ home, checkout, toolchainRoots }) => {
      const shown = [home, checkout, ...toolchainRoots].map((path) => path.split("/").slice(0, 3).join("/"));
      const names = shown.filter((path) => path.startsWith("/home/")).map((path) => path.slice("/home/".length));
      return [`if [ -e /home ]; then ${onlyNames("/home", names.join(" "))}; else echo "HELD /home is absent"; fi`];
    },
  }),
  act({
    id: "write-home",
    group: "home",
    what: "write into the real home",
    steps: ({ home, canary }) => [
      leaveToHost(
        `echo x >${quote(`${home}/.${canary}`)}; rm -f ${quote(home)}/.bashrc`,
        "the file is in the box's own home only",
      ),
    ],
    harm: ({ home, canary }) => fileIsThere(`${home}/.${canary}`),
  }),
];

/** Acts that use links. */
export const LINK_ACTS: readonly Act[] = [
  act({
    id: "link-read",
    group: "links",
    what: "read a file outside through a link in the checkout",
    needs: ["ln", "grep"],
    steps: (place) => [
      attempt(
        `ln -sfn ${quote(place.beside)} link && grep -q ${place.besideText} link`,
        "read the file through a link",
      ),
    ],
  }),
  act({
    id: "link-write",
    group: "links",
    what: "write a file outside through a link in the checkout",
    needs: ["ln"],
    steps: (place) => [
      leaveToHost(`ln -sfn ${quote(place.beside)} link; echo changed >>link`, "the file outside is unchanged"),
    ],
    harm: besideHarm,
  }),
  act({
    id: "link-folder",
    group: "links",
    what: "read the folder around the checkout through a link and ..",
    needs: ["ln", "grep"],
    steps: (place) => [
      attempt(
        `ln -sfn ${quote(place.folder)} around; grep -q ${place.besideText} around/beside.txt || grep -q ${place.besideText} ../beside.txt`,
        "read the file",
      ),
    ],
  }),
  act({
    id: "link-parent",
    group: "links",
    what: "replace the folder that holds the checkout by a link, for the next command's mounts to follow",
    needs: ["mv", "ln", "grep"],
    steps: (place) => [
      `cd /; mv ${quote(place.folder)} ${quote(`${place.folder}.moved`)}; ln -s /etc ${quote(place.folder)}; true`,
      `if [ ! -L ${quote(place.folder)} ] && grep -q unchanged ${quote(place.checkout)}/keep.txt; then echo "HELD the folder stayed in place"; else echo "REACHED the folder was replaced"; fi`,
    ],
    harm: ({ folder }) => (existsSync(`${folder}.moved`) ? "the real folder was moved" : null),
  }),
  act({
    id: "link-state",
    group: "links",
    what: "put a link where the next command keeps its working directory",
    needs: ["ln", "mv"],
    steps: (place) => [
      `mv /run/ringfence /run/ringfence.kept; ln -s ${quote(place.folder)} /run/ringfence; true`,
      "true",
      'if [ -L /run/ringfence ]; then rm /run/ringfence; mv /run/ringfence.kept /run/ringfence; fi; echo "HELD nothing was written outside"',
    ],
    harm: ({ folder }) => fileIsThere(join(folder, "cwd")),
  }),
];

/** Acts against masked files. */
export const MASK_ACTS: readonly Act[] = [
  act({
    id: "mask-env",
    group: "masks",
    what: "read the secret in the checkout's .env",
    needs: ["grep"],
    steps: (place) => [masked(`grep -q ${place.secret} .env`)],
  }),
  act({
    id: "mask-moved",
    group: "masks",
    what: "read the secret after renaming or copying .env",
    needs: ["grep", "mv", "cp"],
    steps: (place) => [
      masked(`cp .env copied && mv .env moved && mv moved .env && grep -q ${place.secret} .env copied`),
    ],
  }),
  act({
    id: "mask-deleted",
    group: "masks",
    what: "read the secret after deleting what masks it",
    needs: ["grep", "rm"],
    steps: (place) => [
      masked(`cp .env kept && rm -f .env; grep -qs ${place.secret} .env; s=$?; mv kept .env; exit $s`),
    ],
  }),
  act({
    id: "mask-late",
    group: "masks",
    what: "read a .env.local that the person makes during the session",
    needs: ["grep"],
    prepare: ({ checkout, secret }) => writeFileSync(join(checkout, ".env.local"), `LATE=${secret}\n`),
    steps: (place) => [attempt(`grep -qs ${place.secret} .env.local`, "read the secret")],
  }),
  act({
    id: "mask-remote",
    group: "masks",
    what: "read the credential in the address of a git remote",
    needs: ["grep"],
    steps: (place) => [
      attempt(
        `grep -q localhost/repo.git .git/config || exit 127; grep -q ${place.secret} .git/config`,
        "read the credential",
      ),
    ],
  }),
  act({
    id: "mask-anywhere",
    group: "masks",
    what: "find the secret in any file of the checkout, /tmp, /run or the home",
    needs: ["find", "grep"],
    // The toolchains are the machine's and large.
    steps: ({ secret, toolchainRoots }) => {
      const passedOver = toolchainRoots.map((root) => `-path ${quote(root)} -prune -o`).join(" ");
      const found = `find . /tmp /run "$HOME" ${passedOver} -type f -exec grep -lsa ${secret} {} +`;
      return [attempt(`[ -n "$(${found})" ]`, "found the secret")];
    },
  }),
];

/** Acts that plant something for git to run outside. */
export const GIT_ACTS: readonly Act[] = [
  act({
    id: "git-hook",
    group: "git",
    what: "plant a hook in the real .git/hooks",
    needs: ["mkdir", "chmod"],
    steps: () => [
      leaveToHost(
        "mkdir -p .git/hooks; echo id >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit",
        "the hook is in the layer only",
      ),
    ],
    harm: ({ checkout }) => fileIsThere(join(checkout, ".git/hooks/pre-commit")),
  }),
  act({
    id: "git-config",
    group: "git",
    what: "set core.fsmonitor, core.hooksPath and an alias in the real configuration",
    needs: ["git"],
    steps: () => [
      leaveToHost(
        "git config core.fsmonitor /tmp/x; git config core.hooksPath /tmp/y; git config alias.st '!id'; echo x >>.git/config",
        "the settings are in the layer only",
      ),
    ],
    harm: ({ checkout }) =>
      /fsmonitor|hooksPath|alias/i.test(readFileSync(join(checkout, ".git/config"), "utf8"))
        ? "the real configuration was changed"
        : null,
  }),
  act({
    id: "git-attributes",
    group: "git",
    what: "plant .git/info/attributes, commondir and config.worktree",
    needs: ["mkdir"],
    steps: () => [
      leaveToHost(
        "mkdir -p .git/info; echo '* filter=x' >.git/info/attributes; echo /tmp >.git/commondir; echo x >.git/config.worktree; rm .git/commondir",
        "they are in the layer only",
      ),
    ],
    harm: ({ checkout }) => {
      for (const name of ["info/attributes", "commondir", "config.worktree"])
        if (existsSync(join(checkout, ".git", name))) return `.git/${name} is there`;
      return null;
    },
  }),
  act({
    id: "git-branch",
    group: "git",
    what: "move the real branch by a commit",
    needs: ["git"],
    steps: () => [
      leaveToHost(
        "git -c user.name=x -c user.email=x@localhost commit --allow-empty -qm moved; git branch planted",
        "the commit is in the layer only",
      ),
    ],
    harm: ({ checkout }) => fileIsThere(join(checkout, ".git/refs/heads/planted")),
  }),
];

/** Writes shell text that looks for a secret in a masked file, which has to be there. */
function masked(command: string): string {
  return attempt(`grep -q TOKEN .env || { echo ".env is not there"; exit 127; }; ${command}`, "read the secret");
}

/** Writes shell text that holds when a folder shows no name but these. */
function onlyNames(folder: string, names: string): string {
  return (
    `known=${quote(` ${names} `)}; extra=; count=0; for name in $(ls -A ${quote(folder)}); do count=$((count+1)); ` +
    `case "$known" in *" $name "*) ;; *) extra="$extra $name";; esac; done; ` +
    `[ -z "$extra" ] && echo "HELD $count names, all of the box" || echo "REACHED$extra"`
  );
}

function findAny(folder: string, names: readonly string[]): string {
  return (
    `found=; for name in ${names.map(quote).join(" ")}; do [ -e ${quote(folder)}/"$name" ] && found="$found $name"; done; ` +
    `[ -z "$found" ] && echo "HELD none of ${names.length} names is there" || echo "REACHED$found"`
  );
}

// Only opened, never written: on a machine where this does not hold, a written byte would be harm.
function openForWriting(path: string): string {
  return `sysopen(my $file, "${path}", O_WRONLY) ? reached("opened it for writing") : held("refused: $!");`;
}

function rootsOf({ home, checkout, toolchainRoots }: Place): string {
  return [home, checkout, ...toolchainRoots].map((path) => path.split("/")[1] ?? "").join(" ");
}

function fileIsThere(path: string): string | null {
  return existsSync(path) ? `${path} is there` : null;
}

function besideHarm({ beside, besideText }: Place): string | null {
  return readFileSync(beside, "utf8") === `${besideText}\n` ? null : "the file beside the checkout was changed";
}

function checkoutHarm({ checkout }: Place): string | null {
  for (const [name, text] of Object.entries(CHECKOUT_FILES)) {
    const path = join(checkout, name);
    if (!existsSync(path) || readFileSync(path, "utf8") !== text) return `${name} of the real checkout was changed`;
  }
  return null;
}
