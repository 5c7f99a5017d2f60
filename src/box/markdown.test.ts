import assert from "node:assert/strict";
import { test } from "node:test";
import { writeMarkdown } from "./markdown.ts";
import { findPrograms } from "./programs.ts";

const ADDRESS = "https://example.com/docs/guide/page.html?x=1";
const write = (html: string) => writeMarkdown({ address: ADDRESS, html }, findPrograms());

test("a page becomes headings, paragraphs, lists, code, tables, quotes and whole addresses", async () => {
  const page = `<!doctype html><html><head><title>A &amp; B</title></head><body>
    <nav><a href="/home">Home</a> <a href="#top">Top</a></nav>
    <h2>Use <em>it</em></h2><p>Say <b>yes </b>or <a href="../other/x.html?q=1"> the <code>docs</code></a>.<br>Next&nbsp;line &#x2014; caf&eacute;
    <ul><li>One<li><p>Two</p><ol><li>a</li><li>b</li></ol></li></ul>
    <pre><code class="language-js">let a = 1 &lt; 2;\n\`\`\` x\n</code></pre>
    <table><tr><th>H1<th>H2</tr><tr><td>a|b<td><p>c</p><p>d</p></tr></table>
    <blockquote><p>Said</p></blockquote><img src="a.png" alt="pic">`;
  assert.equal(
    await write(page),
    [
      "# A & B",
      "",
      "[Home](https://example.com/home) Top",
      "",
      "## Use *it*",
      "",
      "Say **yes** or [the `docs`](https://example.com/docs/other/x.html?q=1).",
      "Next line — café",
      "",
      "- One",
      "- Two",
      "  1. a",
      "  2. b",
      "",
      "````js",
      "let a = 1 < 2;",
      "``` x",
      "````",
      "",
      "| H1 | H2 |",
      "| --- | --- |",
      "| a\\|b | c d |",
      "",
      "> Said",
      "",
      "![pic](https://example.com/docs/guide/a.png)",
      "",
    ].join("\n"),
  );
});

test("what runs, what is hidden and what leads to no web address is left out", async () => {
  const page = `<p>seen<script>alert("</p>evil1")</script><style>evil2</style><!-- evil3 --><template><p>evil4</p></template>
    <div hidden>evil5 <div>evil6</div></div><span style="color:red; DISPLAY : none">evil7</span><svg><text>evil8</text></svg>
    <noscript><img src="https://x.example/evil9"></noscript><p style='font-size:0'>evil10</p>
    <a href="javascript:evil11()">a</a><a href="data:text/html,evil12">b</a><a href=" java
script:evil13()">c</a><iframe src="https://x.example/">evil14</iframe><textarea>evil15</textarea><p>end`;
  const text = await write(page);
  assert.doesNotMatch(text, /evil/);
  assert.match(text, /seen/);
  assert.match(text, /abc/);
  assert.match(text, /end/);
});

test("a page that is no HTML in any sense still ends, in time and within its size", async () => {
  const size = 1 << 18;
  const pages = [
    "<".repeat(size),
    '<a "'.repeat(size / 4),
    "<div>".repeat(size / 5),
    "<b>x".repeat(size / 4),
    "<ul><li>".repeat(size / 8),
    "&".repeat(size),
    `<p>${"word ".repeat(size / 5)}`,
    "<!--".repeat(size / 4),
    `<script>${"</scrip".repeat(size / 7)}`,
    "<div hidden>".repeat(size / 12),
    "<table><tr><td>".repeat(size / 15),
    '<a href="x">'.repeat(size / 12),
    "\ud800\u0000\u202e".repeat(1000),
    "",
  ];
  for (const page of pages) {
    const startedAt = performance.now();
    const text = await write(page);
    const ms = Math.round(performance.now() - startedAt);
    assert.ok(ms < 5000, `${ms} ms for ${page.slice(0, 20)}`);
    assert.ok(text.length < 1 << 20, `${text.length} for ${page.slice(0, 20)}`);
  }
});
