import { isWithin, type Label } from "./label.ts";

/** A person's yes to exactly what they were shown. */
export interface Grant {
  /** SHA-256, hex, of all that was shown: of the effect with its targets, and of the content or body. */
  readonly hash: string;
  readonly session: string;
  /** The session's label as the person was told it. */
  readonly label: Label;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  readonly span: Span;
}

export type Span =
  | { readonly kind: "once" }
  | { readonly kind: "session" }
  /** Milliseconds since 1970; from that moment on it is over. */
  | { readonly kind: "until"; readonly at: number };

/** What asks for a yes, at this moment. */
export interface Asked {
  readonly hash: string;
  readonly session: string;
  readonly label: Label;
  readonly now: number;
}

/** Longest that a yes with a time lasts. */
export const UNTIL_MS_MAX = 8 * 3_600_000;

/** Answers what asks with a yes that the person gave before, and says which grants there are afterwards. */
export function answered(
  grants: readonly Grant[],
  asked: Asked,
): { readonly isGranted: boolean; readonly grants: readonly Grant[] } {
  const living = surviving(grants, asked);
  const at = living.findIndex(({ hash }) => hash === asked.hash);
  if (at === -1) return { isGranted: false, grants: living };
  return { isGranted: true, grants: living.filter(({ span }, index) => index !== at || span.kind !== "once") };
}

/** Keeps the grants that still hold: of this session, in their time, and given at no lower a label than there is now. */
export function surviving(grants: readonly Grant[], moment: Omit<Asked, "hash">): readonly Grant[] {
  return grants.filter(
    (grant) => grant.session === moment.session && isWithin(moment.label, grant.label) && isInTime(grant, moment.now),
  );
}

// A clock that went back, or a time that is no number, ends a grant as well.
function isInTime({ madeAt, span }: Grant, now: number): boolean {
  if (!(madeAt <= now)) return false;
  return span.kind !== "until" || (now < span.at && now < madeAt + UNTIL_MS_MAX);
}
