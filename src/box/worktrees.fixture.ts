import { look } from "./commits.fixture.ts";
import { type Place, sh } from "./land.fixture.ts";
import type { Worktree } from "./repository.fixture.ts";

/** All of a git folder but objects, logs and indexes: settings, pointers of worktrees, refs. */
export function settings({ main }: Worktree): string {
  return sh(
    main,
    "find .git \\( -name objects -o -name logs \\) -prune -o ! -name index -type f -printf '%p ' -exec sha256sum {} \\; | sort",
  );
}

/** What waits and what is damaged, as git says. */
export function sound(place: Place): { readonly status: string; readonly fsck: string } {
  const { status, fsck } = look(place);
  return { status, fsck };
}
