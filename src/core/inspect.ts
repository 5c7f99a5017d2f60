import { type Detection, detect } from "./detect.ts";
import type { DetectModel } from "./detect-model.ts";
import { viewsOf } from "./detect-views.ts";
import { type FoundSecret, formatsIn } from "./redact-formats.ts";
import { type Hidden, sanitize } from "./sanitize.ts";

/** What was found in one text. */
export interface Inspection extends Detection {
  readonly hidden: readonly Hidden[];
  readonly secrets: readonly FoundSecret[];
}

/** Looks for what hides in a text, for injections and for secrets; `channel` says what kind of text it is. */
export function inspect(model: DetectModel, text: string, channel: string | null): Inspection {
  const { hidden } = sanitize(text);
  return { ...detect(model, text, channel, viewsOf(text, hidden)), hidden, secrets: formatsIn(text) };
}
