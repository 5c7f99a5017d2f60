import assert from "node:assert/strict";
import { test } from "node:test";
import { carriedBy, NO_FILES, written } from "./file-labels.ts";
import { fileLabelsJson, parseFileLabels } from "./file-labels-record.ts";
import { HIGHEST, type Label } from "./label.ts";

const WRITER: Label = { integrity: "external", secrecy: "private" };

test("what is known of files is read back as it was written, whatever bytes a name holds", () => {
  const file = { path: "a\udc80\n.js", hash: "h" };
  const labels = written(NO_FILES, [file], WRITER);
  assert.deepEqual(parseFileLabels(JSON.parse(JSON.stringify(fileLabelsJson(labels)))), labels);
});

test("a label of unknown words is the highest, and a record of another form is none", () => {
  const known = parseFileLabels({ paths: [["a", "nice", "public"]], hashes: [], rest: ["system", "public"] });
  assert.equal(carriedBy(known, { path: "a", hash: null }).integrity, HIGHEST.integrity);
  for (const wrong of [null, {}, { paths: [], hashes: [] }, { paths: [[1]], hashes: [], rest: [] }])
    assert.throws(() => parseFileLabels(wrong), Error, JSON.stringify(wrong));
});
