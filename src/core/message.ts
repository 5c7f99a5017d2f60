import type { Json } from "./json.ts";
import type { Image } from "./outcome.ts";

/** One piece of an assistant's reply. `vendor` is opaque: what the vendor must get back unchanged with this piece. */
export type ReplyPart =
  | { readonly kind: "text"; readonly text: string; readonly vendor?: Json }
  | { readonly kind: "reasoning"; readonly text: string; readonly vendor?: Json }
  | {
      readonly kind: "call";
      readonly id: string;
      readonly name: string;
      /** The arguments exactly as the model wrote them; may be malformed JSON, which the agent answers with an error. */
      readonly input: string;
      readonly vendor?: Json;
    };

/** One entry of the conversation. A history is only ever appended to, so that every request extends the one before. */
export type Message =
  | { readonly role: "user"; readonly text: string }
  | { readonly role: "assistant"; readonly parts: readonly ReplyPart[] }
  | { readonly role: "tool"; readonly results: readonly ToolResult[] };

export interface ToolResult {
  readonly id: string;
  readonly name: string;
  readonly ok: boolean;
  readonly text: string;
  readonly image?: Image;
}
