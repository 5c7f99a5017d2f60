import assert from "node:assert/strict";
import { test } from "node:test";
import { headerOf, readPatch, writePatch } from "./patch-text.ts";

const PATCH = `diff --git a/e b/e
index 1c99002..a26a3af 100644
--- a/e
+++ b/e
@@ -1,4 +1,4 @@
-1
+diff --git a/forged b/forged
 @@ -1 +1 @@
--- a/forged
+++ b/forged
 4
@@ -37,4 +37,4 @@ function named() {
 37
 38
 39
-40
+40
\\ No newline at end of file
diff --git "a/n\\303\\251\\377 \\"q\\t" b/y
similarity index 96%
rename from "a/n\\303\\251\\377 \\"q\\t"
rename to b/y
index e8823e1..7ac08dd 100644
--- "a/n\\303\\251\\377 \\"q\\t"
+++ b/y
@@ -1 +1 @@
-x
+q
diff --git a/s p b/s p
new file mode 100644
index 0000000..5b6c6cb
GIT binary patch
literal 3
KcmZQzWMT#Y01f~L

literal 0
HcmV?d00001

diff --git a/w w b/w w
deleted file mode 100644
index 5b6c6cb..0000000
--- a/w w\t
+++ /dev/null
@@ -1,0 +0,0 @@
`;

test("a patch is read by its counts: no content looks like a header, and names are those of the files", () => {
  const files = readPatch(PATCH);
  assert.deepEqual(
    files.map(({ oldPath, newPath, isRename, hunks }) => [oldPath, newPath, isRename, hunks.length]),
    [
      ["e", "e", false, 2],
      ['né\udcff "q\t', "y", true, 1],
      [null, null, false, 0],
      ["w w", null, false, 1],
    ],
  );
  assert.equal(headerOf(files[0]?.hunks[1] ?? assert.fail()), "@@ -37,4 +37,4 @@ function named() {");
});

test("a patch is written as it was read, but for the names of a rename, which git apply takes as they are", () => {
  const wanted = PATCH.replace('rename from "a/', 'rename from "').replace("rename to b/", "rename to ");
  const files = readPatch(PATCH);
  assert.equal(
    writePatch(files, () => null),
    wanted,
  );
  const noted = writePatch(files, ({ newPath }, at) => (newPath === "e" ? `(hunk ${at + 1})` : null));
  assert.ok(noted.includes("\n@@ -37,4 +37,4 @@ (hunk 2) function named() {\n"));
});

test("what git does not write is refused, not guessed at", () => {
  for (const text of ["nonsense\n", "diff --git a/e b/e\n--- a/e\n+++ b/e\n@@ -1,2 +1 @@\n-x\n+y\n", "diff --git"])
    assert.throws(() => readPatch(text), /^Error: bug: /);
});
