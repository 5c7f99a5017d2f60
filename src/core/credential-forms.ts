import type { Needle } from "./credential-search.ts";

/**
 * Writes a text in the encodings in which it may travel, each as a needle; `shown` is what a mask puts in its place, in
 * the same encoding.
 *
 * Signs that are escaped one by one, and lines that are broken, are not among them: `withoutEscapes` takes those away.
 */
export function needlesOf(text: string, shown: string, owner: number): Needle[] {
  if (text.length !== shown.length) throw new Error("bug: a placeholder of another length");
  const needles = new Map<string, Needle>();
  for (const write of FORMS) {
    const bytes = bytesOf(write(text));
    const replacement = bytesOf(write(shown));
    // Where escapes of the two differ in length there is no placeholder of the same form.
    const fits = replacement.length === bytes.length ? replacement : bytes.map(() => 0x78);
    needles.set(write(text), { bytes, replacement: fits, owner });
  }
  return [...needles.values()];
}

const FORMS: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => [...text].reverse().join(""),
  (text) => hex(text),
  (text) => hex(text).toUpperCase(),
  ...[0, 1, 2].flatMap((before) => [
    (text: string) => innerBase64(text, before),
    (text: string) => innerBase64(text, before).replaceAll("+", "-").replaceAll("/", "_"),
  ]),
  // These differ for the few values with signs that are escaped; a sign that is an escape's own could be read two ways.
  (text) => encodeURIComponent(text),
  (text) => JSON.stringify(text).slice(1, -1),
  (text) =>
    text.replace(
      /[&<>"']/g,
      (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[char] ?? "",
    ),
];

/** The signs of base64 that a text alone determines when so many bytes stand before it in its group of three. */
function innerBase64(text: string, before: number): string {
  const whole = btoa("\0".repeat(before) + text).replace(/=+$/, "");
  const start = Math.ceil((before * 8) / 6);
  return whole.slice(start, Math.floor(((before + text.length) * 8) / 6));
}

function hex(text: string): string {
  return Array.from(bytesOf(text), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
