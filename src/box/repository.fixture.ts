import { join } from "node:path";
import { makePlace, type Place, sh } from "./land.fixture.ts";

/** A repository with a file `private` that is nobody's business, and a linked worktree of it beside, on its own branch. */
export interface Worktree extends Place {
  readonly main: Place;
}

/** Makes a repository by a shell program and a linked worktree of it; `checkout` is the worktree. */
export function makeWorktree(make: string, add = "git worktree add -q -b topic ../tree"): Worktree {
  const main = makePlace(`${make}\necho canary >untracked.txt; echo untracked.txt >.git/info/exclude`);
  sh(main, `${add}; sleep 0.02`);
  return { ...main, checkout: join(main.checkout, "../tree"), main };
}

/** Makes a repository with a submodule at `vendor/lib`; `checkout` is the submodule's. */
export function makeSubmodule(make: string): Worktree {
  const lib = makePlace(make);
  const main = makePlace("echo canary >untracked.txt; echo untracked.txt >.git/info/exclude; echo s >s.ts");
  sh(
    main,
    `git -c protocol.file.allow=always submodule --quiet add ${lib.checkout} vendor/lib; git -C vendor/lib config user.name t; git -C vendor/lib config user.email t@t; git commit -qm submodule; sleep 0.02`,
  );
  return { ...main, checkout: join(main.checkout, "vendor/lib"), main };
}
