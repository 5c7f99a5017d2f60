import {
  ASKS,
  FILES,
  FOREIGN,
  LANGUAGES,
  ORDINARY,
  OVERRIDES,
  PAYLOADS,
  QUOTING,
  SECURITY,
  TASKS,
  URLS,
  WRAPPERS,
} from "./train-inspect-texts.ts";

/** A text to learn from. */
export interface Example {
  readonly text: string;
  readonly isInjection: boolean;
  /** Where the injection stands; null where it may be anywhere. */
  readonly span: readonly [number, number] | null;
  readonly channel: string;
  /** Texts of a family were made in one way; of a group, out of one place. */
  readonly family: string;
  readonly group: string;
  readonly weight: number;
}

export type Random = () => number;

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!;
}

/** Chooses one of each `[a|b|c]`. */
function chosen(random: Random, template: string): string {
  return template
    .replace(/\[([^[\]]*\|[^[\]]*)\]/g, (_, choices: string) => pick(random, choices.split("|")))
    .replace(/ {2,}/g, " ")
    .trim();
}

function attack(random: Random): string {
  const kind = random();
  if (kind < FOREIGN_SHARE) return filled(random, chosen(random, pick(random, FOREIGN)));
  const text = kind < FOREIGN_SHARE + ASKS_SHARE ? ask(random) : order(random);
  return random() < 0.06 ? text.toUpperCase() : random() < 0.06 ? text.toLowerCase() : text;
}

const FOREIGN_SHARE = 0.15;
const ASKS_SHARE = 0.1;
const OVERRIDES_SHARE = 0.25;
const BARE_SHARE = 0.1;

function ask(random: Random): string {
  return chosen(random, pick(random, ASKS)).replace("{t}", () => chosen(random, pick(random, TASKS)));
}

function order(random: Random): string {
  const isOverride = random() < OVERRIDES_SHARE;
  const p = isOverride && random() < 0.6 ? chosen(random, pick(random, TASKS)) : payload(random);
  const bare = !isOverride && random() < BARE_SHARE;
  const wrapper = bare ? "{P}." : chosen(random, pick(random, isOverride ? OVERRIDES : WRAPPERS));
  const text = wrapper.replace("{p}", () => p).replace("{P}", () => capital(p));
  return random() < 0.2 ? `${text} ${capital(payload(random))}.` : text;
}

function payload(random: Random): string {
  const first = chosen(random, pick(random, PAYLOADS));
  return filled(random, random() < 0.15 ? `${first} and then ${chosen(random, pick(random, PAYLOADS))}` : first);
}

function filled(random: Random, text: string): string {
  return text.replaceAll("{url}", () => pick(random, URLS)).replaceAll("{file}", () => pick(random, FILES));
}

function capital(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1);
}

/** How a sentence stands in a channel between two parts of a carrier; `{s}` is the sentence. */
const PLACES: readonly (readonly [string, readonly string[]])[] = [
  ["comment", ["// {s}", "# {s}", "/* {s} */", "-- {s}", "; {s}", '""" {s} """']],
  ["docblock", [" * {s}", "/// {s}", "//! {s}", " * @note {s}"]],
  ["readme", ["{s}", "> {s}", "- {s}", "## Notes\n\n{s}", "<!-- {s} -->", "[//]: # ({s})"]],
  [
    "webpage",
    [
      "<p>{s}</p>",
      '<div style="display:none">{s}</div>',
      "<!-- {s} -->",
      '<img alt="{s}">',
      "<span style='font-size:0'>{s}</span>",
      "<li>{s}</li>",
    ],
  ],
  ["issue", ["{s}", "### Additional context\n\n{s}", "Steps:\n\n{s}", "Thanks!\n{s}"]],
  ["json-tool", ['{"text": "{s}"}', '"body": "{s}",', '"description": "{s}"', "\\n{s}\\n"]],
  ["yaml-value", ["description: {s}", 'note: "{s}"', "  - {s}"]],
  ["ci-log", ["[12:04:11] {s}", "INFO {s}", "{s}", "error: {s}", "stdout | {s}"]],
  ["commit-message", ["{s}", "\n    {s}\n", "Reviewed-by: {s}"]],
  ["email", ["{s}", "\n{s}\n\nBest regards", "Hi,\n\n{s}"]],
  ["prompt", ["{s}"]],
  ["code-string", ['const MESSAGE = "{s}";', "print('{s}')", 'raise ValueError("{s}")', "title: '{s}',"]],
];

/** Plants sentences of a kind into carriers. */
export function planted(
  random: Random,
  carriers: readonly Example[],
  count: number,
  kind: "attack" | "ordinary" | "quoted",
): Example[] {
  return Array.from({ length: count }, () => {
    const [channel, forms] = pick(random, PLACES);
    const sentence = kind === "attack" ? attack(random) : kind === "ordinary" ? ordinary(random) : quoted(random);
    const carrier = channel === "prompt" || random() < 0.15 ? "" : pick(random, carriers).text;
    const lines = carrier.split("\n");
    const length = Math.min(lines.length, 2 + Math.floor(random() * 40));
    const first = Math.floor(random() * (lines.length - length + 1));
    const part = lines.slice(first, first + length);
    const at = Math.floor(random() * (part.length + 1));
    const form = pick(random, forms);
    const line = form.replace("{s}", () => sentence);
    const before = [...(kind === "quoted" ? [pick(random, SECURITY)] : []), ...part.slice(0, at), ""].join("\n");
    const after = ["", ...part.slice(at), ...(kind === "quoted" ? [pick(random, SECURITY)] : [])].join("\n");
    const family = { attack: "planted", ordinary: "planted-ordinary", quoted: "planted-quoted" }[kind];
    const text = before + line + after;
    const span = kind === "attack" ? ([before.length, before.length + line.length] as const) : null;
    return {
      text,
      isInjection: kind === "attack",
      span,
      channel,
      family,
      group: `${family}:${Math.floor(random() * 40)}`,
      weight: 1,
    };
  });
}

function ordinary(random: Random): string {
  const plain = () => chosen(random, pick(random, ORDINARY));
  return random() < 0.25 ? pick(random, LANGUAGES) : random() < 0.3 ? `${plain()} ${plain()}` : plain();
}

function quoted(random: Random): string {
  const quotes = Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
    pick(random, QUOTING).replace("{q}", () => attack(random)),
  );
  return quotes.join("\n");
}
