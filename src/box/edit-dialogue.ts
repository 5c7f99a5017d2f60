import { PassThrough } from "node:stream";
import { applyEdit, EDIT_BYTES_MAX } from "../core/edit.ts";
import type { Effect } from "../core/effect.ts";
import type { TextRules } from "./finish.ts";
import type { Stream } from "./oneshot.ts";

/** The host's side of an edit: reads the file that the sandbox prints, and answers with the new content or with nothing. */
export class EditDialogue {
  readonly input = new PassThrough();
  /** Why nothing was written; null when the new content was sent. */
  refusal: string | null = null;
  count = 0;
  readonly #effect: Effect & { readonly kind: "edit" };
  readonly #mark: Buffer;
  readonly #texts: TextRules;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #isAnswered = false;

  constructor(effect: Effect & { readonly kind: "edit" }, mark: string, texts: TextRules) {
    this.#effect = effect;
    this.#texts = texts;
    this.#mark = Buffer.from(mark);
  }

  read(stream: Stream, bytes: Uint8Array): void {
    if (stream !== "stdout" || this.#isAnswered) return;
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    // The mark can be split over two pieces; its length of bytes is enough to look at.
    const end = Buffer.concat(this.#chunks.slice(-3));
    if (this.#bytes < this.#mark.length || !end.subarray(-this.#mark.length).equals(this.#mark)) return;
    this.#isAnswered = true;
    const content = Buffer.concat(this.#chunks).subarray(0, -this.#mark.length);
    this.#chunks = [];
    this.#answer(content);
  }

  #answer(content: Buffer): void {
    const { path, replaceAll } = this.#effect;
    if (content.length >= EDIT_BYTES_MAX) {
      this.refusal = `edit: ${path} is larger than ${EDIT_BYTES_MAX} bytes; use run with sed`;
      this.input.end();
      return;
    }
    const resolved = this.#texts.resolve([this.#effect.oldString, this.#effect.newString], content);
    if (typeof resolved === "string") {
      this.refusal = `edit: not done: ${resolved} (${path})`;
      this.input.end();
      return;
    }
    const [oldString = "", newString = ""] = resolved;
    const result = applyEdit(content, { oldString, newString, replaceAll });
    if (!result.ok) {
      this.refusal = `${result.message} (${path})`;
      this.input.end();
      return;
    }
    this.count = result.count;
    this.input.end(Buffer.concat([Buffer.from("y"), result.content]));
  }
}
