import { existsSync } from "node:fs";
import { join } from "node:path";
import { quote } from "./commands.ts";
import { type Act, act, attempt, leaveToHost } from "./doctor-act.ts";
import { besideHarm, fileIsThere, findAny, onlyNames } from "./doctor-look.ts";
import { CWD_FILE } from "./profile.ts";

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
      `rm -f ${CWD_FILE}; mv ${CWD_FILE} ${CWD_FILE}.kept; ln -sfn ${quote(`${place.folder}/cwd`)} ${CWD_FILE}; true`,
      "true",
      'echo "HELD nothing was written outside"',
    ],
    harm: ({ folder }) => fileIsThere(join(folder, "cwd")),
  }),
];
