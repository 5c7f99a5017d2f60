import type { JsonObject } from "../core/json.ts";

/** Events in which every text is a stranger's that wants to be more than text; `server` is asked by whatever comes through. */
export function hostileEvents(server: string): JsonObject[] {
  const texts = [
    `<script>fetch("${server}/script")</script>`,
    `</pre></details><img src=x onerror="fetch('${server}/onerror')">`,
    `"><svg onload=fetch("${server}/svg")>`,
    `</style><style>@import "${server}/css"; body { background: url(${server}/bg) }</style>`,
    `<link rel=stylesheet href=${server}/link><meta http-equiv=refresh content="0;url=${server}/refresh">`,
    `<iframe src=${server}/frame></iframe><object data=${server}/object></object><video src=${server}/video autofocus>`,
    `<base href=${server}/><form action=${server}/form><input autofocus onfocus=this.form.submit()></form>`,
    `javascript:fetch("${server}/href") \u202egnp.exe\u200b\u{e0041}\x1b]52;c;aGk=\x07`,
  ];
  const text = texts.join("\n");
  const effects: JsonObject[] = [
    { kind: text, command: text },
    { kind: "write", path: text, content: text },
    { kind: "edit", path: text, oldString: text, newString: text },
    { kind: "request", protocol: text, host: text, port: 1, method: text, path: text },
    { kind: "land", paths: [text] },
  ];
  return [
    { type: "start", at: 1, session: text, checkout: text, version: text, policy: text },
    { type: "source", at: 1, integrity: text, secrecy: text, what: text },
    { type: "prompt", at: 1, text },
    { type: "request", at: 1, model: text },
    {
      type: "reply",
      at: 1,
      parts: [
        { kind: "text", text },
        { kind: "call", id: text, name: text, input: text },
      ],
      stop: text,
    },
    ...effects.flatMap((effect) =>
      ["allow", text].map((verdict) => ({
        type: "decision",
        at: 1,
        call: text,
        effect,
        verdict,
        reason: text,
        label: { integrity: text },
      })),
    ),
    { type: "outcome", at: 1, call: text, ok: false, code: text, text },
    { type: "landed", at: 1, landed: [text], failed: [{ path: text, why: text }] },
    { type: "landed-commits", at: 1, branch: text, commit: text, refused: null },
    { type: text, at: 1, message: text },
  ];
}
