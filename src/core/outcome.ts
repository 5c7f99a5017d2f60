/** What came of an effect, as the model and the person see it. `text` is bounded and safe to store. */
export type Outcome =
  | { readonly ok: true; readonly text: string; readonly image?: Image }
  | { readonly ok: false; readonly code: OutcomeCode; readonly text: string };

/** `exit`: the command ended with a status other than 0; `refused`: a person could have allowed it; `denied`: nobody could. */
export type OutcomeCode = "exit" | "refused" | "denied" | "invalid" | "timeout" | "cancelled" | "limit";

export interface Image {
  readonly mediaType: "image/png" | "image/jpeg" | "image/gif" | "image/webp";
  readonly base64: string;
}
