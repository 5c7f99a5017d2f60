import { hash as hashOnce } from "node:crypto";
import type { JsonObject } from "../core/json.ts";
import { bound, counted, visible } from "../core/text.ts";
import { effectLine, numberOf, objectOf, objectsOf, type Told, textOf, textsOf, typeOf } from "./export-read.ts";
import type { RecordedEvent } from "./verify.ts";

const TEXT_CHARS_MAX = 20_000;
const LINE_CHARS_MAX = 300;
const STEPS_MAX = 5000;

/**
 * Writes a session as one page that needs nothing else: what it cost, what was decided, what went out, what was written and
 * landed, and all of it in order. `proof` says in words who signed the record.
 *
 * Whatever a stranger wrote is text in it. The page has no script, and its own policy lets it run none and load nothing.
 */
export function toHtml(told: Told, proof: string): string {
  const style = STYLE.trim();
  const hash = hashOnce("sha256", style, "base64");
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  const title = `Ringfence session ${told.session}`;
  return [
    `<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">`,
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    `<meta name="referrer" content="no-referrer">\n<meta name="viewport" content="width=device-width">`,
    `<title>${safe(title)}</title>\n<style>${style}</style>\n</head>\n<body>\n<main>`,
    `<h1>${safe(title)}</h1>`,
    facts(told, proof),
    section("Decisions", decisions(told)),
    section("Egress", egress(told)),
    section("Landed", landed(told)),
    section(
      "Written by the model",
      writings(told),
      "What its write and edit calls held. A command can have changed files too: ringfence diff shows all.",
    ),
    section("Timeline", timeline(told)),
    "</main>\n</body>\n</html>\n",
  ].join("\n");
}

function facts(told: Told, proof: string): string {
  const { input, output, usd, replies, hasUnknown } = cost(told);
  const sources = told.events.flatMap(({ event }) =>
    typeOf(event) === "source"
      ? [`${textOf(event, "integrity")}, ${textOf(event, "secrecy")}: ${textOf(event, "what")}`]
      : [],
  );
  const rows: (readonly [string, string])[] = [
    ["checkout", told.checkout],
    ["model", told.model || "none"],
    ["program", told.version],
    ["began", time(told.startedAt)],
    ["last event", time(told.endedAt)],
    [
      "cost",
      `${hasUnknown ? "not known for all of it; " : ""}$${usd.toFixed(4)}, ${counted(replies, "reply", "replies")}, ${input} tokens in, ${output} out`,
    ],
    ["policy", told.policy || "not recorded"],
    ["label raised by", sources.join("\n") || "nothing"],
    ["record", proof],
  ];
  return `<table class="facts">${rows.map(([name, value]) => `<tr><th>${safe(name)}</th><td>${safe(value)}</td></tr>`).join("")}</table>`;
}

function cost({ events }: Told) {
  const usages = events.flatMap(({ event }) => (typeOf(event) === "reply" ? [objectOf(event, "usage")] : []));
  const sum = (name: string) => usages.reduce((total, usage) => total + numberOf(usage, name), 0);
  const hasUnknown = usages.some(({ usd }) => typeof usd !== "number");
  return { input: sum("input"), output: sum("output"), usd: sum("usd"), replies: usages.length, hasUnknown };
}

function decisions({ events }: Told): string {
  const counts = new Map<string, number>();
  const held: string[][] = [];
  for (const { seq, event } of events) {
    if (typeOf(event) !== "decision") continue;
    const effect = objectOf(event, "effect");
    const verdict = textOf(event, "verdict");
    const key = `${textOf(effect, "kind")}\n${verdict}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (verdict !== "allow") held.push([String(seq), verdict, line(effectLine(effect)), line(textOf(event, "reason"))]);
  }
  const totals = [...counts].map(([key, count]) => [...key.split("\n"), String(count)]);
  return table(["effect", "verdict", "times"], totals) + table(["event", "verdict", "effect", "why"], held);
}

function egress({ events }: Told): string {
  const sent = new Map(
    events.flatMap(({ event }) => (typeOf(event) === "sent" ? [[numberOf(event, "decision"), event] as const] : [])),
  );
  const rows = events.flatMap(({ seq, event }) => {
    const effect = objectOf(event, "effect");
    const kind = textOf(effect, "kind");
    if (typeOf(event) !== "decision" || (kind !== "request" && kind !== "push")) return [];
    const { status, sentBytes, receivedBytes } = sent.get(seq) ?? {};
    const bytes = (value: unknown) => (typeof value === "number" ? String(value) : "");
    return [
      [
        String(seq),
        textOf(event, "verdict"),
        line(effectLine(effect)),
        bytes(status),
        bytes(sentBytes),
        bytes(receivedBytes),
      ],
    ];
  });
  return table(["event", "verdict", "request", "status", "bytes out", "bytes in"], rows.slice(0, STEPS_MAX));
}

function landed({ events }: Told): string {
  const rows = events.flatMap(({ seq, event }) => {
    const type = typeOf(event);
    if (type === "landed-commits" && event.refused === null)
      return [[String(seq), "commit", `${textOf(event, "commit")} on ${textOf(event, "branch")}`]];
    const named = (name: string) => textsOf(event, name).map((path) => [String(seq), name, path]);
    const failed = objectsOf(event, "failed").map((one) => [
      String(seq),
      "failed",
      `${textOf(one, "path")}: ${textOf(one, "why")}`,
    ]);
    return type === "landed" || type === "undone" ? [...named("landed"), ...named("undone"), ...failed] : [];
  });
  return table(["event", "what", ""], rows);
}

function writings({ events }: Told): string {
  const parts = events.flatMap(({ seq, event }) => {
    const effect = typeOf(event) === "decision" ? objectOf(event, "effect") : {};
    const kind = textOf(effect, "kind");
    if (kind !== "write" && kind !== "edit") return [];
    const head = `<h3>${seq} ${safe(kind)} ${safe(line(textOf(effect, "path")))}</h3>`;
    return [head + removed(effect, "oldString") + added(effect, kind === "write" ? "content" : "newString")];
  });
  return parts.slice(0, STEPS_MAX).join("\n");
}

const removed = (effect: JsonObject, name: string) => (effect[name] === undefined ? "" : lines(effect, name, "-"));
const added = (effect: JsonObject, name: string) => lines(effect, name, "+");

function lines(effect: JsonObject, name: string, sign: "+" | "-"): string {
  const text = effect[name];
  const whole =
    typeof text === "string"
      ? text
      : `(${numberOf(objectOf(effect, name), "chars")} characters, recorded by their hash alone)`;
  const signed = bound(whole.replace(/\n$/, ""), TEXT_CHARS_MAX).text.replace(/^/gm, sign);
  return `<pre class="${sign === "+" ? "added" : "removed"}">${safe(signed)}</pre>`;
}

function timeline({ events }: Told): string {
  const steps = events.filter(({ event }) => typeOf(event) !== "head").slice(0, STEPS_MAX);
  const rest = events.length > STEPS_MAX ? `<p>Only the first ${STEPS_MAX} events are shown.</p>` : "";
  return steps.map(step).join("\n") + rest;
}

function step({ seq, event }: RecordedEvent): string {
  const type = typeOf(event);
  const verdict = textOf(event, "verdict");
  const at = numberOf(event, "at");
  const words = [textOf(event, "agent"), type, verdict === "allow" ? "" : verdict];
  const tag = words.filter((word) => word !== "").join(" ");
  const head = `<b>${seq}</b> <time>${safe(at > 0 ? time(at).slice(11, 23) : "")}</time> <i>${safe(tag)}</i> ${safe(line(summaryOf(type, event)))}`;
  const body = bound(JSON.stringify(event, null, 2), TEXT_CHARS_MAX).text;
  const warn = verdict === "deny" || verdict === "ask" ? ' class="held"' : "";
  return `<details${warn}><summary>${head}</summary><pre>${safe(body)}</pre></details>`;
}

function summaryOf(type: string, event: JsonObject): string {
  if (type === "decision") return `${effectLine(objectOf(event, "effect"))}: ${textOf(event, "reason")}`;
  if (type === "reply")
    return objectsOf(event, "parts")
      .map((part) => textOf(part, "text") || `${textOf(part, "name")} ${textOf(part, "input")}`)
      .join(" ");
  return (
    textOf(event, "text") ||
    textOf(event, "task") ||
    textOf(event, "what") ||
    textOf(event, "message") ||
    textsOf(event, "landed").join(", ")
  );
}

function section(name: string, body: string, note = ""): string {
  const said = note === "" ? "" : `<p>${safe(note)}</p>`;
  return `<section><h2>${safe(name)}</h2>${said}${body || "<p>none</p>"}</section>`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const cells = (row: readonly string[], tag: string) => row.map((cell) => `<${tag}>${safe(cell)}</${tag}>`).join("");
  return `<table><tr>${cells(head, "th")}</tr>${rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("")}</table>`;
}

function line(text: string): string {
  return bound(text.replace(/\s+/g, " ").trim(), LINE_CHARS_MAX).text;
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

// What hides or reorders text is spelled out first, so that nothing is shown as other than it is.
function safe(text: string): string {
  return visible(text.toWellFormed()).replace(/[&<>"'`]/g, (char) => `&#${char.charCodeAt(0)};`);
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } h3 { font-size: 1rem; }
table { border-collapse: collapse; margin: .5rem 0; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .2rem .6rem; border-bottom: 1px solid #8884; overflow-wrap: anywhere; white-space: pre-wrap; }
.facts th { width: 9rem; }
pre { overflow: auto; max-height: 30rem; padding: .5rem; background: #8881; white-space: pre-wrap; overflow-wrap: anywhere; }
.added { border-left: 3px solid #2a2; } .removed { border-left: 3px solid #c33; } .held summary { color: #c33; }
details { border-bottom: 1px solid #8884; } summary { cursor: pointer; overflow-wrap: anywhere; }
`;
