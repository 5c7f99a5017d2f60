import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readMoving, readPending } from "../../src/box/landing.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { foldSession } from "../../src/core/session-fold.ts";
import { type Place, type Played, sessionFolder, sh } from "./program.ts";

const FILES = ["a.txt", "c.txt", "d/b.txt", "gone.txt", "Makefile"];
export type Files = Readonly<Record<string, string>>;

/** The session as it goes when nobody kills it. */
export interface Reference {
  readonly place: Place;
  readonly events: readonly JsonObject[];
  /** The checkout at each prompt. */
  readonly checkouts: readonly Files[];
}

/** What the resumed session began with is what the killed one was: the same conversation, label, cost and checkpoints. */
export function checkState(
  place: Place,
  { before, after }: { readonly before: readonly JsonObject[]; readonly after: readonly JsonObject[] },
  about: string,
): void {
  const [resumed, prompt] = ["resumed", "prompt"].map((wanted) =>
    after.findIndex(({ type }, at) => type === wanted && at >= before.length),
  );
  const [was, begun] = [foldSession(before), foldSession(after.slice(0, prompt))];
  // What it is told next raises the label by sources of their own.
  const { label } = foldSession(after.slice(0, resumed));
  assert.deepEqual(begun.messages, was.messages, about);
  assert.deepEqual([label, begun.spent.totals, begun.typed], [was.label, was.spent.totals, was.typed], about);
  assert.deepEqual(begun.lost, [], about);
  const request = after.slice(prompt).find(({ type }) => type === "request");
  const last = was.messages.at(-1)?.role;
  assert.equal(request?.messages, was.messages.length + (last === "user" ? 0 : 1), about);
  assert.equal(place.checkout, begun.start?.checkout);
}

/** Prompts at which the checkout is as each landing left it, and as the undo did. */
const LANDED_AT = [2, 4, 6];
const UNDONE_AT = 7;

/** What the record says landed is in the checkout, nothing else is, and no landing is under way. */
export function checkCheckout(
  place: Place,
  after: readonly JsonObject[],
  { checkouts }: Reference,
  about: string,
): void {
  const path = sessionFolder(place);
  assert.deepEqual([readPending(path), readMoving(path)], [null, null], about);
  const expected: Record<string, string> = { ...checkouts[0] };
  let landings = 0;
  for (const { type, landing, landed, undone } of after) {
    // One that broke off is named by its number, perhaps for the second time.
    if (type === "landed") landings = typeof landing === "number" ? landing : landings + 1;
    const at = type === "landed" ? LANDED_AT[landings - 1] : UNDONE_AT;
    for (const name of (landed ?? undone ?? []) as readonly string[]) expected[name] = checkouts[at ?? 0]?.[name] ?? "";
  }
  assert.deepEqual(filesOf(place), expected, about);
  assert.equal(
    sh(place, "find . -name '.ringfence-*' -o -name '*.lock'; git fsck --strict --full --no-dangling 2>&1"),
    "",
    about,
  );
  const moved = after.filter(({ type, refused }) => type === "landed-commits" && refused === null).length;
  const subjects = sh(place, "git log --format=%s").trim().split("\n");
  assert.deepEqual([moved, subjects], moved > 0 ? [1, ["one", "start"]] : [0, ["start"]], about);
}

/** Prints what the model sees of the files. */
export const LOOK = `for f in ${FILES.join(" ")}; do [ ! -f $f ] || echo "$f:$(tr '\\n' , <$f)"; done`;
const FIRST = ["a.txt:a,box,more,", "d/b.txt:new,", "Makefile:all:,"];
/** What the view is after each thing that changes it. */
const VIEWS: Readonly<Record<string, readonly string[]>> = {
  start: ["a.txt:a,", "gone.txt:gone,"],
  call_1: FIRST,
  call_7: ["a.txt:a,box,most,", ...FIRST.slice(1)],
  call_8: ["a.txt:a,box,most,", "c.txt:two,", "d/b.txt:new,x,", "Makefile:all:,"],
  rewound: FIRST,
};

/** The view is what the last thing that is recorded left, or the next one, which was allowed and may have been done. */
export function checkView({ results }: Played, before: readonly JsonObject[], about: string): void {
  const stages = before.flatMap(({ type, call, effect }) => {
    const isDone = type === "outcome" || type === "decision";
    const name =
      isDone && typeof call === "string"
        ? call
        : (effect as JsonObject | undefined)?.kind === "rewind"
          ? "rewound"
          : type;
    return [{ isSure: type !== "decision", view: VIEWS[String(name)] }].filter(({ view }) => view !== undefined);
  });
  const sure = stages.findLast(({ isSure }) => isSure)?.view ?? VIEWS.start;
  const possible = stages.at(-1)?.view ?? sure;
  const seen = results[0]?.text ?? "";
  assert.ok(
    [sure, possible].some((view) => view?.join("\n") === seen),
    `${about}: ${seen}`,
  );
}

/** What the checkout has of the files that the session changes. */
export function filesOf(place: Place): Files {
  return Object.fromEntries(FILES.map((name) => [name, read(join(place.checkout, name))]));
}

/** The content of a file; "" where there is none. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
