import { joinAll, type Label, LOWEST, UNKNOWN_SOURCE } from "./label.ts";
import type { RunProfile } from "./shell.ts";

/** All that a one-shot could have read, ran or heard; null where nobody knows. */
export interface Reach {
  /** Of the session: the model wrote the command. */
  readonly session: Label;
  /** Of everything that the view shows: checkout, base layer and layer. */
  readonly view: Label | null;
  /** Of what it shares with the session's other one-shots: `/tmp`, home, loopback. */
  readonly shared: Label | null;
  /** Of the programs outside the view that it may run. */
  readonly programs: Label | null;
  /** Whom it could have heard: no host, public ones alone, or one of the person's own or with a credential of theirs. */
  readonly network: "none" | "public" | "private";
}

const HEARD: Readonly<Record<Reach["network"], Label>> = {
  none: LOWEST,
  public: { integrity: "external", secrecy: "public" },
  private: UNKNOWN_SOURCE,
};

/** Whom a command of a profile could have heard: nobody where the kernel lets it have no socket. */
export function heardBy(profile: RunProfile): Reach["network"] {
  return profile === "net" ? "private" : "none";
}

/** The label of a one-shot's output, of all that it wrote, and of what it sends: everything within its reach counts. */
export function reachOf({ session, view, shared, programs, network }: Reach): Label {
  const places = [view, shared, programs].map((label) => label ?? UNKNOWN_SOURCE);
  return joinAll([session, ...places, HEARD[network]]);
}
