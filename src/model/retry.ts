import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "./fault.ts";
import { type ModelEvent, ModelFailure } from "./port.ts";

/** Time and chance, so that a test can do without both. */
export interface Clock {
  /** Waits; rejects at once when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** At least 0 and below 1. */
  random(): number;
}

export const CLOCK: Clock = {
  sleep: async (ms, signal) => delay(ms, undefined, { signal }),
  random: Math.random,
};

const TRIES_MAX = 5;
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 60_000;
/** A server that asks for more than this is down for us; a session does not sit and wait for it. */
const RETRY_AFTER_MAX_MS = 600_000;

/** Whose model it is; the key is here so that no message holds it, whatever a server sends back. */
export interface Account {
  readonly provider: string;
  readonly apiKey: string | undefined;
  /** The variable that holds the key. */
  readonly keyName: string;
}

/** One try at a reply; throws a Fault when it fails. */
export type Attempt = (signal: AbortSignal) => AsyncIterable<ModelEvent>;

/**
 * Streams a reply, trying again after each transient fault, up to TRIES_MAX tries in all.
 *
 * A `retry` event voids all text since the reply began and carries the number of the try that failed. The signal given
 * to a try aborts when the try is over, however it ends, so nothing of it stays open.
 */
export async function* retrying(
  attempt: Attempt,
  account: Account,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted();
    const over = new AbortController();
    let fault: Fault;
    try {
      yield* attempt(AbortSignal.any([signal, over.signal]));
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Fault)) throw error;
      fault = error;
    } finally {
      over.abort();
    }
    const waitMs = fault.retryAfterMs ?? backoffMs(tries, clock.random());
    if (fault.kind !== "transient" || tries >= TRIES_MAX || waitMs > RETRY_AFTER_MAX_MS)
      throw failureOf(fault, tries, account);
    yield { type: "retry", attempt: tries, waitMs, reason: withoutKey(fault.message, account) };
    await clock.sleep(waitMs, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
  }
}

/** Doubles from one second; the random half keeps many sessions from coming back at the same moment. */
function backoffMs(tries: number, random: number): number {
  const full = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (tries - 1));
  return Math.round(full / 2 + (full / 2) * random);
}

/** Turns the last fault into what a person can act on. */
function failureOf(fault: Fault, tries: number, account: Account): ModelFailure {
  const message = `${account.provider}: ${withoutKey(fault.message, account)}`;
  if (fault.kind === "auth") return new ModelFailure("auth", `${message}. Check ${account.keyName}`);
  const askedMs = fault.retryAfterMs ?? 0;
  const wait = askedMs > RETRY_AFTER_MAX_MS ? `; the server asks to wait ${Math.ceil(askedMs / 60_000)} minutes` : "";
  return new ModelFailure("provider", `${message}${wait}${tries > 1 ? ` (tried ${tries} times)` : ""}`);
}

function withoutKey(message: string, { apiKey }: Account): string {
  return apiKey === undefined ? message : message.replaceAll(apiKey, "[key]");
}
