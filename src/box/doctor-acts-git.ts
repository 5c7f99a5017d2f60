import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quote } from "./commands.ts";
import { type Act, act, attempt, leaveToHost } from "./doctor-act.ts";
import { fileIsThere } from "./doctor-look.ts";

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
