import type { Effect } from "./effect.ts";
import { isWithin, join, type Label } from "./label.ts";
import { atSink, type Sink } from "./sinks.ts";

/** The answer of the gate. `reason` is shown to the model and to the person, `nearest` says what is allowed instead. */
export type Decision =
  | { readonly verdict: "allow"; readonly reason: string }
  | { readonly verdict: "ask"; readonly reason: string; readonly nearest?: string }
  | { readonly verdict: "deny"; readonly reason: string; readonly nearest?: string };

/**
 * Decides whether an effect may happen, from what it is and from where the session's information came.
 *
 * Pure and total: every effect has an answer and an effect that no line names is denied. Reversible effects of the box
 * are allowed at any label because the box bounds them and the layer can be discarded.
 */
export function decide(effect: Effect, label: Label): Decision {
  switch (effect.kind) {
    case "read":
    case "write":
    case "edit":
    case "search":
    case "list":
    case "run":
    case "output":
    case "kill":
    case "sync":
      return { verdict: "allow", reason: "stays in the box" };
    case "names":
    case "resolve":
      return { verdict: "allow", reason: "only the host sees it" };
    case "ask":
      return {
        verdict: "allow",
        reason: "an answer of its type enters, and no text; each request is decided on its own",
      };
    case "fetch":
      return { verdict: "allow", reason: "each of its requests is decided on its own" };
    case "delegate":
      return { verdict: "allow", reason: "each effect of the child agent is decided on its own" };
    case "request":
      return decideRequest(effect, label);
    case "push":
      return decidePush(effect, label);
    case "land":
      return decideLand(effect, label);
    case "land-commits":
      return effect.approvedBy === "person"
        ? { verdict: "allow", reason: "the person lands these commits" }
        : { verdict: "ask", reason: "a person lands commits" };
    case "sign-commits":
      return effect.approvedBy === "person"
        ? { verdict: "allow", reason: "the person signs these commits" }
        : { verdict: "deny", reason: "only the person signs, with their own key" };
    case "discard":
      return effect.approvedBy === "person"
        ? { verdict: "allow", reason: "the person discards the layer" }
        : { verdict: "deny", reason: "only the person discards a layer" };
    case "preview":
      return decidePreview(effect, label);
    case "rewind":
    case "undo":
    case "recover":
    case "release":
    case "remove":
    case "keep":
    case "forget":
      return effect.approvedBy === "person"
        ? { verdict: "allow", reason: PERSONS_REASON[effect.kind] }
        : { verdict: "deny", reason: "only the person rewinds, undoes a landing or removes what sessions left" };
  }
  // A value from outside the type, by a bug or by a cast, must not fall through to anything but a refusal.
  return { verdict: "deny", reason: "no rule names this effect" };
}

const PERSONS_REASON = {
  rewind: "the person takes the layer back",
  undo: "the person undoes a landing",
  recover: "the person's landing or undo broke off: each file is made whole",
  release: "the person's landing of commits broke off: its locks go",
  remove: "the person removes a session that is over",
  keep: "the person's session ends: ignored files stay for the next",
  forget: "the person throws it away, or has their own",
} as const;

// What asks is answered by a person who was shown it, for this one request. What is denied stays so, whoever says yes.
function decideRequest(effect: Effect & { readonly kind: "request" }, label: Label): Decision {
  const decision = judgeRequest(effect, label);
  return decision.verdict === "ask" && wasShown(effect, label)
    ? { verdict: "allow", reason: "the person allows this one request" }
    : decision;
}

/** Says whether a person said yes to a request that they were shown, and nothing more has been within reach since. */
export function wasShown({ approvedBy, shown }: Effect & { readonly kind: "request" }, label: Label): boolean {
  if (approvedBy !== "person" || shown === null) return false;
  const risen = join(shown.label, label);
  return risen.integrity === shown.label.integrity && risen.secrecy === shown.label.secrecy;
}

// Nothing that was composed where both external text and private data were within reach leaves without a look: the
// address alone can carry it out.
function judgeRequest(effect: Effect & { readonly kind: "request" }, label: Label): Decision {
  if (effect.listed === "deny") return { verdict: "deny", reason: `${effect.rule} denies it` };
  const sink = sinkOf(effect);
  const { verdict, why, nearest } = atSink(sink, label);
  if (verdict !== "allow") return { verdict, reason: why, nearest };
  const isByRule = sink === "send" || effect.origin === "package" || effect.origin === "composed";
  return { verdict, reason: isByRule ? `${effect.rule} allows it` : ORIGIN_REASON[effect.origin] };
}

function sinkOf({ listed, origin, protocol, hasBody }: Effect & { readonly kind: "request" }): Sink {
  if (listed !== "allow") return "unlisted";
  // Services and models are sinks of the person's own choice; what a model is sent is judged on its way, by
  // `core/model-request.ts`. The body of a fetch is composed by the host: nothing of the asker's own is in it.
  if (origin === "service" || origin === "fetch") return origin;
  if (origin === "model") return "service";
  // Nothing in a tunnel can be seen, so it counts as a body.
  return protocol === "tunnel" || hasBody ? "send" : SINK_OF[origin];
}

const SINK_OF = {
  locked: "locked-package",
  typed: "typed-get",
  package: "new-package",
  composed: "composed-get",
} as const;

// As for a request: what asks is answered by a person who was shown it, and what is denied stays so.
function decidePush(effect: Effect & { readonly kind: "push" }, label: Label): Decision {
  const decision = judgePush(effect, label);
  const isAnswered = effect.approvedBy === "person" && isStill(effect.shownAt, label);
  return decision.verdict === "ask" && isAnswered
    ? { verdict: "allow", reason: "the person allows this one push" }
    : decision;
}

// Their own word opens it, and what a page may carry out they are told first where there is something to carry.
function decidePreview(effect: Effect & { readonly kind: "preview" }, label: Label): Decision {
  if (effect.approvedBy !== "person") return { verdict: "deny", reason: "only the person has a port of the box shown" };
  const { verdict, why, nearest } = atSink("preview", label);
  return verdict === "allow" || (verdict === "ask" && isStill(effect.shownAt, label))
    ? { verdict: "allow", reason: "the person looks at that port of the box" }
    : { verdict, reason: why, nearest };
}

/** Whether nothing more has been within reach since a person was told the label. */
export function isStill(shownAt: Label | null, label: Label): boolean {
  return shownAt !== null && isWithin(label, shownAt);
}

// Only what the person has landed leaves, to the one repository, and never so that it takes anything away there.
function judgePush(effect: Effect & { readonly kind: "push" }, label: Label): Decision {
  const branch = effect.ref.replace(/^refs\/heads\//, "");
  if (effect.isDenied) return { verdict: "deny", reason: `${effect.rule} denies it` };
  if (effect.remote !== "tracked")
    return { verdict: "deny", reason: "only the repository that your branch tracks is pushed to" };
  if (effect.found === "absent")
    return { verdict: "deny", reason: `the commit is not on your own branch ${branch}: land it first` };
  if (effect.found === "diverged")
    return { verdict: "deny", reason: `${branch} on the remote has commits that yours has not: pull and land first` };
  const { verdict, why, nearest } = atSink(effect.rule === null ? "unruled-push" : "push", label);
  if (verdict === "allow") return { verdict, reason: `${effect.rule} allows it` };
  return { verdict, reason: effect.rule === null ? `no rule of net.push names ${branch}` : why, nearest };
}

const ORIGIN_REASON = {
  locked: "the lock file of the checkout names it",
  fetch: "it fetches from the tracked remote",
  typed: "the person typed that address",
  service: "the person shows that service of theirs",
  model: "the person wraps an agent of that model",
} as const;

function decideLand(effect: Effect & { readonly kind: "land" }, label: Label): Decision {
  const approved = new Set(effect.approvals.map(({ path }) => path));
  if (!effect.held.every((path) => approved.has(path)) || (effect.held.length > 0 && effect.approvedBy !== "person"))
    return { verdict: "deny", reason: "a file that would run later lands only when a person has approved exactly it" };
  if (effect.approvedBy === "person") return { verdict: "allow", reason: "the person lands this diff" };
  const { verdict, why, nearest } = atSink("land-source", label);
  return verdict === "allow"
    ? { verdict, reason: "only repo and user text was seen" }
    : { verdict, reason: why, nearest };
}
