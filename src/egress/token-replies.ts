import type { IncomingMessage } from "node:http";
import { Transform } from "node:stream";
import { originOf } from "../core/credential.ts";
import type { JsonObject } from "../core/json.ts";
import { type ModelEndpoint, modelPaths } from "../core/model-endpoint.ts";
import type { NetRequest } from "../core/net-rules.ts";
import { tokensIn } from "../core/token-reply.ts";
import type { Shown } from "./put-on.ts";
import type { Vault } from "./vault.ts";

type Endpoint = ModelEndpoint & { readonly hasKey: boolean };

export interface TokenRepliesPlan {
  readonly endpoints: readonly Endpoint[];
  readonly vault: Pick<Vault, "keep">;
  readonly record: (event: JsonObject) => void;
}

/** No answer with tokens is as long; a longer one goes by as it comes. */
const ANSWER_BYTES_MAX = 64 << 10;
const TYPES = /^application\/(?:(?:[\w.-]+\+)?json|x-www-form-urlencoded)\s*(?:;|$)/i;

/**
 * Keeps tokens out of the box that a wrapped agent is given at its model's own host: it gets placeholders.
 *
 * Where the person has no key for that model, the one for access is put on toward it, as their key would be. Where they
 * have one it is put on nowhere: whoever logs in may be a stranger, who would then read along. What only asks for another
 * token never is: that would stand in a body.
 */
export class TokenReplies {
  readonly #plan: TokenRepliesPlan;

  constructor(plan: TokenRepliesPlan) {
    this.#plan = plan;
  }

  /** Adds itself to what an answer passes through, where tokens could be in it. */
  hear({ protocol, host, port }: NetRequest, reply: IncomingMessage, shown: Shown): Shown {
    const isThere = (one: Endpoint) => one.scheme === protocol && one.host === host && one.port === port;
    const endpoint = this.#plan.endpoints.find(isThere);
    if (shown.kind !== "send" || endpoint === undefined || !TYPES.test(reply.headers["content-type"] ?? ""))
      return shown;
    const packing = reply.headers["content-encoding"] ?? "identity";
    if (packing !== "identity" && shown.body.length === 0)
      return { kind: "refused", reason: "its answer is packed, and could hold a token unseen" };
    return { ...shown, body: [...shown.body, this.#through(endpoint)] };
  }

  #through(endpoint: Endpoint): Transform {
    let pieces: Buffer[] = [];
    let bytes = 0;
    return new Transform({
      transform: (piece: Buffer, _, done) => {
        bytes += piece.length;
        if (bytes - piece.length > ANSWER_BYTES_MAX) return done(null, piece);
        pieces.push(piece);
        if (bytes <= ANSWER_BYTES_MAX) return done();
        const whole = Buffer.concat(pieces);
        pieces = [];
        done(null, whole);
      },
      flush: (done) => {
        const whole = Buffer.concat(pieces);
        const shown = this.#shown(whole, endpoint);
        done(shown === null ? new Error("it has a token that nothing can stand for") : null, shown ?? undefined);
      },
    });
  }

  /** Null where a token cannot be kept out. */
  #shown(whole: Buffer, endpoint: Endpoint): Buffer | null {
    // Byte for byte, so that what is no token stays as it is.
    let text = whole.toString("latin1");
    const tokens = tokensIn(text);
    if (tokens === null) return whole;
    const kept = [[tokens.access, "access"] as const, ...tokens.others.map((value) => [value, "other"] as const)];
    for (const [value, what] of kept) {
      const placeholder = this.#keep(value, what, endpoint);
      // In an escaped spelling it would stay.
      if (placeholder === null || !text.includes(value)) return null;
      // A placeholder has the signs of its value: as a text, `$&` in it would put the token back.
      text = text.replaceAll(value, () => placeholder);
    }
    return Buffer.from(text, "latin1");
  }

  #keep(value: string, what: "access" | "other", endpoint: Endpoint): string | null {
    const { provider, scheme, host, port, hasKey } = endpoint;
    const isPutOn = what === "access" && !hasKey;
    this.#plan.record({ type: "token-kept", provider, what, isPutOn });
    const origins = [originOf({ protocol: scheme, host, port })];
    const bearer = { scheme: { kind: "bearer" }, origins, methods: ["GET", "POST"] } as const;
    const rules = isPutOn ? [{ ...bearer, pathPrefixes: modelPaths(endpoint) }] : [];
    return this.#plan.vault.keep(value, `a token of ${host}`, rules);
  }
}
