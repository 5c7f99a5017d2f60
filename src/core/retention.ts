/** What of a session decides whether it is kept. */
export interface RetainedSession {
  readonly id: string;
  readonly state: SessionState;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly usedAt: number;
  /** Whether anything but its record is there. */
  readonly holdsFiles: boolean;
}

/** `changes` wait in the layer; `landed` is a layer of which everything landed; `discarded` has no layer. */
export type SessionState = "running" | "changes" | "landed" | "discarded";

export interface Retention {
  /** In the order in which they go. */
  readonly remove: readonly {
    readonly id: string;
    readonly why: "old" | "beyond the limit";
    readonly isLoss: boolean;
  }[];
  /** Bytes that are left beyond the limit. */
  readonly beyondBytes: number;
}

export interface Removal {
  readonly id: string;
  readonly why: "old" | "beyond the limit";
  /** Changes go that never landed. */
  readonly isLoss: boolean;
}

const DAY_MS = 86_400_000;

/**
 * Chooses the sessions whose files are removed: those older than the days, then, while all are larger than the bytes, those
 * with nothing that waits. What landed whole goes first, the oldest first.
 *
 * A session that runs is never chosen, nor one whose changes wait and which is not old.
 */
export function planRemoval(
  sessions: readonly RetainedSession[],
  limits: { readonly days: number; readonly bytes: number },
  now: number,
): Retention {
  const isWaiting = ({ state }: RetainedSession) => state === "changes";
  const candidates = sessions
    .filter(({ state, holdsFiles }) => state !== "running" && holdsFiles)
    .sort((a, b) => Number(isWaiting(a)) - Number(isWaiting(b)) || a.usedAt - b.usedAt);
  const old = new Set(candidates.filter(({ usedAt }) => now - usedAt > limits.days * DAY_MS));
  let left = sessions.reduce((sum, one) => sum + (old.has(one) ? 0 : one.bytes), 0);
  const remove = candidates.flatMap((one): Removal[] => {
    if (old.has(one)) return [{ id: one.id, why: "old", isLoss: isWaiting(one) }];
    if (left <= limits.bytes || isWaiting(one)) return [];
    left -= one.bytes;
    return [{ id: one.id, why: "beyond the limit", isLoss: false }];
  });
  return { remove, beyondBytes: Math.max(0, left - limits.bytes) };
}

/** What of a session's log decides whether its texts are kept. */
export interface RetainedLog {
  readonly id: string;
  readonly state: SessionState;
  readonly usedAt: number;
  readonly logBytes: number;
  readonly holdsTexts: boolean;
}

/**
 * Chooses the sessions whose texts are destroyed: those older than the days, then, while all logs are larger than the bytes,
 * the oldest. Null for no limit. A session that runs is never chosen.
 */
export function planPurge(
  logs: readonly RetainedLog[],
  limits: { readonly days: number | null; readonly bytes: number | null },
  now: number,
): readonly string[] {
  const candidates = logs
    .filter(({ state, holdsTexts }) => state !== "running" && holdsTexts)
    .sort((a, b) => a.usedAt - b.usedAt);
  const isOld = ({ usedAt }: RetainedLog) => limits.days !== null && now - usedAt > limits.days * DAY_MS;
  let left = logs.reduce((sum, one) => sum + (one.holdsTexts ? one.logBytes : 0), 0);
  return candidates.flatMap((one) => {
    if (!isOld(one) && (limits.bytes === null || left <= limits.bytes)) return [];
    left -= one.logBytes;
    return [one.id];
  });
}
