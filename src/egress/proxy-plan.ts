import type { SecureContext } from "node:tls";
import type { NetRequest } from "../core/net-rules.ts";
import type { Permit } from "../core/permit.ts";
import type { Broker } from "./broker.ts";
import type { Reach, Resolver } from "./dial.ts";
import type { GitRemote } from "./git.ts";
import type { Look } from "./look.ts";
import type { NetLimits } from "./meter.ts";
import type { ModelDoor } from "./model-door.ts";
import type { NetOutcome } from "./route.ts";

/** What the gate said to a request. */
export type Judged =
  | { readonly verdict: "allow"; readonly permit: Permit; readonly reach: Reach }
  | {
      readonly verdict: "refuse";
      readonly reason: string;
      /** The nearest way that is allowed, in words. */
      readonly nearest?: string;
      /** Whether a person who is asked could let it through. */
      readonly needsPerson?: boolean;
      /** What the client is answered, where that is not 403. */
      readonly status?: number;
    };

/** What the gate said to what is passed on or not, without a question. */
export type Passed =
  | { readonly verdict: "allow"; readonly permit: Permit }
  | { readonly verdict: "ask" | "deny" | "refuse"; readonly reason: string };

export interface ProxyPlan {
  /** How a connection to a host and port is treated: looked into, let through whole, or neither. */
  readonly reaches: (host: string, port: number) => Promise<"terminate" | "tunnel" | null>;
  /** Decides, records, and gives the permit. `token` is the command's, as the client claims; `look` is for a person. */
  readonly judge: (request: NetRequest, token: string | null, look: Look) => Promise<Judged>;
  /** Reads what git asks of the tracked repository, and composes what is sent; null without one. */
  readonly git: GitRemote | null;
  /** Records what no rule could be asked about, since it is no request. */
  readonly malformed: (reason: string, token: string | null) => void;
  /** Tells that an answer to a request of this permit begins, before anything of it is passed on. */
  readonly heard: (seq: number) => void;
  /** Records how a request of this permit ended. */
  readonly ended: (seq: number, outcome: NetOutcome) => void;
  /** The certificate shown inside for a host. */
  readonly secureContext: (host: string) => Promise<SecureContext>;
  /** Puts credentials on, and keeps them out of everything else; null while a session has none. */
  readonly broker: () => Broker | null;
  /** Reads what is sent to the model of a wrapped agent; null where none is wrapped. */
  readonly model: ModelDoor | null;
  /** Authorities that servers outside are verified with, in PEM. */
  readonly authorities: string;
  readonly limits: NetLimits;
  /** Told of bytes that are about to leave, or that would go past the limit. */
  readonly sending: (bytes: number) => void;
  readonly resolver?: Resolver;
  /** How long a peer may take for a head, for a handshake and to be dialled; 30 s when left out. */
  readonly waitMs?: number;
}
