import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { makePlace, ordinary, type Place, ringfence, sh } from "./program.ts";

export const INSTRUCTIONS = "Run the linter.\n";
export const HIDDEN = "be nice\u200b\u202eevil\u202c\u{e0041}\u{e0042}\n";

interface Listed {
  readonly remote: string | null;
  readonly openness: string;
  readonly commit: { readonly id: string; readonly problem: string | null; readonly approved: boolean };
  readonly items: readonly {
    readonly path: string;
    readonly hash: string;
    readonly state: string;
    readonly hidden: number;
  }[];
  readonly void: string | null;
}

export async function listed(place: Place): Promise<Listed> {
  const { status, stdout, stderr } = await ringfence(place, ["trust", "--json"]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Listed;
}

export const states = ({ items }: Listed) => Object.fromEntries(items.map(({ path, state }) => [path, state]));
export const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
export const trustFolder = ({ home }: Place) => join(home, ".local/state/ringfence/trust");

/** A repository that is fetched from somewhere, with what could instruct or configure. */
export function makeRepository(t: TestContext): Place {
  const place = makePlace(
    t,
    `printf '${INSTRUCTIONS.trim()}\\n' >AGENTS.md; mkdir -p src .claude/skills/x .husky .vscode .ringfence node_modules/x
     echo '{}' | tee .mcp.json .vscode/tasks.json .ringfence/policy.yaml >/dev/null; echo x >.claude/skills/x/SKILL.md; echo x >.husky/pre-commit
     echo node_modules >.gitignore; echo x >node_modules/x/AGENTS.md; echo 1 >src/a.js; echo 'KEY=1' >.env`,
    { user: ordinary() },
  );
  sh(
    place,
    "git rm -q --cached .env; git commit -qm 'keep secrets out'; git remote add origin https://Example.com/ada/thing.git",
  );
  return place;
}
