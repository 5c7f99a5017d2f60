import assert from "node:assert/strict";
import { test } from "node:test";
import { HIGHEST, INTEGRITIES, LOWEST, SECRECIES } from "./label.ts";
import { labelOf, nameOf, type Openness, type Source, sourcesOfPrompt } from "./source.ts";

const words = (source: Source) => {
  const { integrity, secrecy } = labelOf(source);
  return `${integrity} ${secrecy}`;
};

const forge = {
  kind: "forge",
  trusted: ["MEMBER", "OWNER"],
  people: "ada",
  where: "issue 7 of ada/thing",
} as const;

test("each source has its own label, and nothing of a repository is public unless the person said so", () => {
  const file = { kind: "checkout", path: "a.ts", carried: LOWEST } as const;
  for (const openness of ["public", "private"] as const) {
    const labels = [
      words({ kind: "person", openness }),
      words({ kind: "pasted", openness }),
      words({ ...file, standing: "approved", openness }),
      words({ ...file, standing: "changed", openness }),
      words({ ...file, standing: "unknown", openness }),
      words({ kind: "page", host: "example.com", openness }),
      words({ ...forge, author: "MEMBER", openness }),
      words({ ...forge, author: "NONE", openness }),
    ];
    const expected = ["user", "external", "repo", "local", "external", "external", "local", "external"];
    assert.deepEqual(
      labels,
      expected.map((integrity) => `${integrity} ${openness}`),
    );
  }
  assert.deepEqual(
    [
      words({ kind: "program" }),
      words({ kind: "package", name: "left-pad" }),
      words({ kind: "server", name: "tickets" }),
      words({ kind: "injection", where: "README.md" }),
      words({ kind: "secret", path: "prod.env" }),
    ],
    ["system public", "external public", "external private", "external public", "external secret"],
  );
});

test("a prompt of which anything was not typed is of whoever wrote that, too", () => {
  for (const openness of ["public", "private"] as const) {
    const kinds = (prompt: string, typed: string) =>
      sourcesOfPrompt(prompt, typed, openness).map((source) => `${source.kind}: ${words(source)}`);
    assert.deepEqual(kinds("do it", "do it"), [`person: user ${openness}`]);
    for (const typed of ["do", "do  ", "", "Do it"])
      assert.deepEqual(kinds("do it", typed), [`person: user ${openness}`, `pasted: external ${openness}`]);
  }
});

test("what a text carries from before is kept, in both halves", () => {
  for (const integrity of INTEGRITIES)
    for (const secrecy of SECRECIES) {
      const carried = { integrity, secrecy };
      assert.deepEqual(labelOf({ kind: "carried", what: "a summary", label: carried }), carried);
      const label = labelOf({ kind: "checkout", path: "a.ts", standing: "changed", openness: "public", carried });
      assert.deepEqual(label, { integrity: integrity === "external" ? "external" : "local", secrecy });
    }
});

test("the person's approval of a commit makes its bytes trusted, and none of them less secret", () => {
  const file = { kind: "checkout", path: "a.ts", standing: "approved", openness: "public", carried: HIGHEST } as const;
  assert.deepEqual(labelOf(file), { integrity: "repo", secrecy: "secret" });
});

test("only authors whom the person named count as no strangers, by the forge's exact word and never below a collaborator", () => {
  const by = (author: string, trusted: readonly string[]) =>
    labelOf({ ...forge, author, trusted, openness: "public" }).integrity;
  const insiders = ["OWNER", "MEMBER", "COLLABORATOR"];
  const others = ["CONTRIBUTOR", "FIRST_TIMER", "NONE", "MANNEQUIN", "", "owner", "OWNER ", "constructor", "0"];
  for (const author of insiders) {
    assert.equal(by(author, insiders), "local");
    assert.equal(by(author, []), "external");
    assert.equal(
      by(
        author,
        insiders.filter((each) => each !== author),
      ),
      "external",
    );
  }
  assert.deepEqual([...new Set(others.map((author) => by(author, [...insiders, ...others])))], ["external"]);
});

test("a source is named in words that a person knows", () => {
  const openness: Openness = "private";
  const file = { kind: "checkout", path: "a.ts", openness, carried: LOWEST } as const;
  assert.deepEqual(
    [
      nameOf({ kind: "program" }),
      nameOf({ kind: "person", openness }),
      nameOf({ ...file, standing: "approved" }),
      nameOf({ ...file, standing: "changed" }),
      nameOf({ ...file, standing: "unknown" }),
      nameOf({ kind: "carried", what: "a summary", label: LOWEST }),
      nameOf({ kind: "page", host: "example.com", openness }),
      nameOf({ ...forge, author: "OWNER", openness }),
      nameOf({ ...forge, author: "NONE", openness }),
      nameOf({ kind: "package", name: "left-pad" }),
      nameOf({ kind: "server", name: "tickets" }),
      nameOf({ kind: "injection", where: "README.md" }),
      nameOf({ kind: "secret", path: "prod.env" }),
    ],
    [
      "Ringfence's own words",
      "what you typed",
      "a.ts (as in the commit that you approved)",
      "a.ts (not as in the commit that you approved)",
      "a.ts (of no commit that you approved)",
      "a summary",
      "a reply of example.com",
      "text of owner ada in issue 7 of ada/thing",
      "text of strangers, of ada in issue 7 of ada/thing",
      "the package left-pad",
      "an answer of the tool server tickets",
      "text that looks like an injection in README.md",
      "prod.env, which may hold secrets",
    ],
  );
});
