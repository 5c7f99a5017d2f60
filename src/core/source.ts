import { type Integrity, join, type Label, UNKNOWN_SOURCE } from "./label.ts";

/** Whether the person marked the repository public; everything of another one is private. */
export type Openness = "public" | "private";

/** Where a text came from, as the host knows it by what it asked for, never by what the text says of itself. */
export type Source =
  /** Words of this program. */
  | { readonly kind: "program" }
  /** What the person typed. */
  | { readonly kind: "person"; readonly openness: Openness }
  /** What the person pasted into a prompt: whoever wrote it. */
  | { readonly kind: "pasted"; readonly openness: Openness }
  /**
   * Bytes of the checkout: a blob of the commit that the person approved by id, bytes that differ from it, or, without
   * such a commit, bytes of whatever origin. `carried` is what is known of them from before.
   */
  | {
      readonly kind: "checkout";
      readonly path: string;
      readonly standing: "approved" | "changed" | "unknown";
      readonly openness: Openness;
      readonly carried: Label;
    }
  /** What something else wrote: a file of the layer, memory, a subagent's answer, the output of a command. */
  | { readonly kind: "carried"; readonly what: string; readonly label: Label }
  /** A reply of the network. With a credential, or from a host of the person's own, it is not for everybody. */
  | { readonly kind: "page"; readonly host: string; readonly openness: Openness }
  /**
   * Text that people wrote on the forge of the checkout's remote. `author` is what it says the least of them is to the project,
   * `trusted` whom the person named.
   */
  | {
      readonly kind: "forge";
      readonly author: string;
      readonly trusted: readonly string[];
      readonly people: string;
      /** In words: "issue 7 of person/thing". */
      readonly where: string;
      readonly openness: Openness;
    }
  /** Code that somebody else published. */
  | { readonly kind: "package"; readonly name: string }
  /** The answer of a tool server. */
  | { readonly kind: "server"; readonly name: string }
  /** A text that looks like orders to an agent, wherever it came from: who wrote those is a stranger. */
  | { readonly kind: "injection"; readonly where: string }
  /** A file of a name by which secrets are known. */
  | { readonly kind: "secret"; readonly path: string };

/** Whom the person may name as no strangers, in GitHub's words, the nearest first. Nobody read what they wrote all the same. */
export const AUTHORS = ["OWNER", "MEMBER", "COLLABORATOR"] as const;
export type Author = (typeof AUTHORS)[number];

const STANDINGS = { approved: "repo", changed: "local", unknown: "external" } as const satisfies Record<
  string,
  Integrity
>;

/** The label that text of a source has. */
export function labelOf(source: Source): Label {
  switch (source.kind) {
    case "program":
      return { integrity: "system", secrecy: "public" };
    case "person":
      return { integrity: "user", secrecy: source.openness };
    case "pasted":
      return { integrity: "external", secrecy: source.openness };
    case "checkout": {
      const own: Label = { integrity: STANDINGS[source.standing], secrecy: source.openness };
      // The person's approval of these very bytes is the one act that lowers what they carried, and only their integrity.
      return source.standing === "approved"
        ? { integrity: own.integrity, secrecy: join(own, source.carried).secrecy }
        : join(own, source.carried);
    }
    case "carried":
      return source.label;
    case "page":
      return { integrity: "external", secrecy: source.openness };
    case "forge":
      return { integrity: isNamed(source) ? "local" : "external", secrecy: source.openness };
    case "package":
      return { integrity: "external", secrecy: "public" };
    case "server":
      return UNKNOWN_SOURCE;
    case "injection":
      return { integrity: "external", secrecy: "public" };
    case "secret":
      return { integrity: "external", secrecy: "secret" };
  }
}

/** The sources of a prompt. What of it the person did not type they pasted: anybody may have written it. */
export function sourcesOfPrompt(prompt: string, typed: string, openness: Openness): readonly Source[] {
  const person: Source = { kind: "person", openness };
  return typed === prompt ? [person] : [person, { kind: "pasted", openness }];
}

function isNamed({ author, trusted }: Source & { readonly kind: "forge" }): boolean {
  return AUTHORS.some((each) => each === author) && trusted.includes(author);
}

/** Names a source in plain words, for an explanation. What a stranger chose in it is neither bounded nor made visible. */
export function nameOf(source: Source): string {
  switch (source.kind) {
    case "program":
      return "Ringfence's own words";
    case "person":
      return "what you typed";
    case "pasted":
      return "text that you pasted";
    case "checkout":
      return `${source.path} (${STANDING_WORDS[source.standing]})`;
    case "carried":
      return source.what;
    case "page":
      return `a reply of ${source.host}`;
    case "forge":
      return `text of ${isNamed(source) ? source.author.toLowerCase() : "strangers, of"} ${source.people} in ${source.where}`;
    case "package":
      return `the package ${source.name}`;
    case "server":
      return `an answer of the tool server ${source.name}`;
    case "injection":
      return `text that looks like an injection in ${source.where}`;
    case "secret":
      return `${source.path}, which may hold secrets`;
  }
}

const STANDING_WORDS = {
  approved: "as in the commit that you approved",
  changed: "not as in the commit that you approved",
  unknown: "of no commit that you approved",
} as const;
