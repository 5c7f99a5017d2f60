import { readFileSync } from "node:fs";
import { type DetectModel, parseModel } from "../core/detect-model.ts";

/** Reads the weights that find injections; they lie beside this file, in the checkout and in the package. */
export function readDetectModel(): DetectModel {
  return parseModel(readFileSync(new URL("./inspect.weights", import.meta.url)));
}
