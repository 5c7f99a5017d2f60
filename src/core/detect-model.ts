import { FEATURES } from "./detect-features.ts";

/** What was learned; the file is a line of JSON and, after it, one byte for each feature. */
export interface DetectModel {
  /** Weights of the features, in units of `scale`. */
  readonly values: Int8Array | Float32Array;
  readonly scale: number;
  readonly bias: number;
  /** How far words about attacks, around an injection, excuse it. */
  readonly excuses: readonly number[];
  /** What at most 1 in 100 ordinary texts exceed, and at most 1 in 10,000. */
  readonly common: number;
  readonly rare: number;
  /** Added to `common` and `rare` in a channel whose ordinary texts look more like injections than others, or less. */
  readonly offsets: Readonly<Record<string, number>>;
}

const VERSION = 1;
const NEWLINE = 0x0a;

/** Reads a model; throws where the file is of another version or make. */
export function parseModel(bytes: Uint8Array): DetectModel {
  const end = bytes.indexOf(NEWLINE);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))) as Head;
  const weights = bytes.subarray(end + 1);
  if (head.version !== VERSION || weights.length !== FEATURES)
    throw new Error("bug: the weights do not fit the program; train them anew with scripts/train-inspect.ts");
  return { ...head, values: new Int8Array(weights.buffer, weights.byteOffset, weights.length) };
}

interface Head extends Omit<DetectModel, "values"> {
  readonly version: number;
}

/** Writes a model, its weights rounded to one byte each. */
export function formatModel({ values, scale: unit, ...rest }: DetectModel): Uint8Array {
  const exact = Float32Array.from(values, (value) => value * unit);
  const scale = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
  const head = new TextEncoder().encode(`${JSON.stringify({ version: VERSION, scale, ...rest })}\n`);
  const bytes = new Uint8Array(head.length + values.length);
  bytes.set(head);
  bytes.set(
    Int8Array.from(exact, (value) => Math.round(value / scale)),
    head.length,
  );
  return bytes;
}
