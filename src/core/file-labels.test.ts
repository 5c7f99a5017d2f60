import assert from "node:assert/strict";
import { test } from "node:test";
import {
  carriedBy,
  committed,
  ENTRIES_MAX,
  endorsed,
  isEndorsed,
  labelOfFile,
  moved,
  NO_FILES,
  restored,
  written,
} from "./file-labels.ts";
import { HIGHEST, type Label, LOWEST, UNKNOWN_SOURCE } from "./label.ts";

const STRANGER: Label = { integrity: "external", secrecy: "public" };
const LOCAL: Label = { integrity: "local", secrecy: "private" };
const file = (path: string, hash: string | null = null) => ({ path, hash });

test("a file carries its writer's label, by its content under any name and by its name with any content", () => {
  const labels = written(NO_FILES, [file("a", "1")], STRANGER);
  assert.deepEqual(
    [file("a", "1"), file("b", "1"), file("a", "2"), file("a"), file("b", "2")].map((one) => carriedBy(labels, one)),
    [STRANGER, STRANGER, STRANGER, STRANGER, LOWEST],
  );
});

test("writing a file anew never makes it cleaner, in either half", () => {
  let labels = written(NO_FILES, [file("a", "1")], { integrity: "external", secrecy: "public" });
  labels = written(labels, [file("a", "1")], { integrity: "user", secrecy: "secret" });
  assert.deepEqual(carriedBy(labels, file("a", "1")), HIGHEST);
});

test("a file of unknown content is written too", () => {
  const labels = written(NO_FILES, [file("a")], STRANGER);
  assert.deepEqual(carriedBy(labels, file("a", "1")), STRANGER);
  assert.deepEqual(carriedBy(labels, file("b", "1")), LOWEST);
});

test("a moved folder takes the labels of all below it along, and leaves them", () => {
  let labels = written(NO_FILES, [file("src/a/b", "1"), file("src2/c", "2")], STRANGER);
  labels = moved(labels, "src", "lib");
  const paths = ["src/a/b", "lib/a/b", "lib2/c", "src2/c", "lib"];
  assert.deepEqual(
    paths.map((path) => carriedBy(labels, file(path))),
    [STRANGER, STRANGER, LOWEST, STRANGER, LOWEST],
  );
});

test("what is moved over keeps its own label as well", () => {
  const before = written(written(NO_FILES, [file("a")], STRANGER), [file("b")], LOCAL);
  assert.deepEqual(carriedBy(moved(before, "a", "b"), file("b")), UNKNOWN_SOURCE);
});

test("a commit or a stash carries the labels of its files and of its writer to all that is taken out of it", () => {
  const labels = written(NO_FILES, [file("a", "1")], STRANGER);
  const inside = restored(committed(labels, "c", [file("x", "1")], LOWEST), "c", [file("y", "9")]);
  assert.deepEqual(carriedBy(inside, file("y")), STRANGER);
  const writer = restored(committed(labels, "c", [file("x", "7")], LOCAL), "c", [file("y", "9")]);
  assert.deepEqual(carriedBy(writer, file("y")), LOCAL);
  assert.deepEqual(carriedBy(restored(labels, "unknown", [file("y")]), file("y")), UNKNOWN_SOURCE);
});

test("an approval holds for exactly that content at exactly that path, and makes nothing less secret", () => {
  const tainted = written(NO_FILES, [file("a", "1"), file("b", "1")], HIGHEST);
  const labels = endorsed(tainted, [{ path: "a", hash: "1" }]);
  const label = (path: string, hash: string | null) => labelOfFile(labels, file(path, hash), LOCAL);
  assert.deepEqual(label("a", "1"), { integrity: "repo", secrecy: "secret" });
  assert.deepEqual([label("b", "1"), label("a", "2"), label("a", null)], [HIGHEST, HIGHEST, HIGHEST]);
  assert.deepEqual(
    [isEndorsed(labels, file("a", "1")), isEndorsed(labels, file("a")), isEndorsed(labels, file("b", "1"))],
    [true, false, false],
  );
  assert.equal(isEndorsed(endorsed(NO_FILES, [{ path: "b c", hash: "1" }]), file("c", "1 b")), false);
});

test("a file of which nothing is known has the label of where it was found", () => {
  assert.deepEqual(labelOfFile(NO_FILES, file("a", "1"), LOCAL), LOCAL);
});

test("what finds no room counts for every file from then on, and nothing is forgotten", () => {
  let labels = written(NO_FILES, [file("old", "old")], STRANGER);
  const many = Array.from({ length: ENTRIES_MAX }, (_, number) => file(`f${number}`, `${number}`));
  labels = written(labels, many, { integrity: "user", secrecy: "public" });
  assert.deepEqual([labels.byPath.size, labels.byHash.size], [ENTRIES_MAX, ENTRIES_MAX]);
  assert.deepEqual(carriedBy(labels, file("old", "old")), STRANGER);
  assert.deepEqual(carriedBy(labels, file("never seen")), STRANGER);
});
