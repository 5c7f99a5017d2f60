import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Change } from "./changes.ts";
import { type ChangeClass, type ClassifyContext, classify, isHeld } from "./classify.ts";
import { isGitPath } from "./classify-path.ts";
import { workMs } from "./work.fixture.ts";

fc.configureGlobal({ seed: Number(process.env.SEED ?? Date.now() | 0), numRuns: 2000 });

const ORDER: readonly ChangeClass[] = ["source", "ignored", "instruction", "run-later", "outside"];
const bytes = (text: string) => new TextEncoder().encode(text);

function edit(path: string, more: Partial<Change> = {}): Change {
  const base = { type: "file", mode: 0o644, hash: "00" } as const;
  return { path, type: "file", action: "edit", mode: 0o644, executable: false, size: 1, hash: "01", base, ...more };
}

function cls(path: string, more: Partial<Change> = {}, context: Partial<ClassifyContext> = {}): ChangeClass {
  return classify(edit(path, more), { isIgnored: false, ...context }).cls;
}

const TABLE: Readonly<Record<Exclude<ChangeClass, "ignored">, string>> = {
  source: `src/a.ts README.md lib/deep/er.py index.html main.c Main.java docs/guide.md .gitignore a/.gitkeep .keep .editorconfig .dockerignore .npmignore
    .prettierignore .eslintignore .nojekyll .mailmap llms.txt manage.py src/tuple.py config/routes.rb src/config.ts src/skills/jump.ts data/x.toml
    .github/ISSUE_TEMPLATE/bug.yml .github/PULL_REQUEST_TEMPLATE.md test/a.test.ts src/environment.ts scripts/go.sh package.ts src/user.service.ts target.md`,
  "run-later": `.git .git/config .git/hooks/pre-commit a/.git/HEAD sub/.git vendor/x.git/hooks/post-checkout x/HEAD x/config x/commondir .gitattributes a/.gitattributes .gitmodules
    .github/workflows/ci.yml .github/actions/x/action.yml .github/dependabot.yml .github/other.yml .github/CODEOWNERS .gitlab-ci.yml ci/x.gitlab-ci.yml .circleci/config.yml Jenkinsfile azure-pipelines.yml
    .travis.yml .drone.yml .buildkite/pipeline.yml .woodpecker.yml .woodpecker/a.yml bitbucket-pipelines.yml appveyor.yml .tekton/p.yaml .gitea/workflows/a.yml .forgejo/workflows/a.yml
    package.json a/package.json package-lock.json npm-shrinkwrap.json pnpm-lock.yaml yarn.lock bun.lock bun.lockb Pipfile.lock poetry.lock uv.lock requirements.txt requirements-dev.txt Cargo.toml Cargo.lock
    go.mod go.sum Gemfile Gemfile.lock composer.json composer.lock build.gradle settings.gradle.kts pom.xml packages.lock.json a.csproj mix.exs mix.lock pubspec.yaml Package.swift Package.resolved
    a/vite.config.ts jest.config.js x.config.mts babel.config.json .eslintrc .eslintrc.json .babelrc .prettierrc.yml .mocharc.cjs .swcrc .postcssrc .stylelintrc karma.conf.js webpack.prod.js tsconfig.json a/tsconfig.build.json
    setup.py setup.cfg pyproject.toml tox.ini noxfile.py pytest.ini a/b/conftest.py sitecustomize.py usercustomize.py x.pth Makefile a/GNUmakefile makefile rules.mk justfile Taskfile.yml Rakefile x.gemspec
    CMakeLists.txt x.cmake meson.build SConstruct wscript BUILD a/BUILD.bazel WORKSPACE x.bzl MODULE.bazel .bazelrc build.rs .cargo/config.toml gradlew gradlew.bat gradle/wrapper/gradle-wrapper.properties mvnw .mvn/jvm.config
    build.xml build.sbt project/plugins.sbt Dockerfile Dockerfile.dev Containerfile docker-compose.yml compose.prod.yaml Vagrantfile Procfile Tiltfile skaffold.yaml flake.nix shell.nix .npmrc .yarnrc.yml
    .yarn/releases/yarn.cjs .pnpmfile.cjs pnpm-workspace.yaml bunfig.toml deno.json deno.jsonc .nvmrc .node-version .python-version .ruby-version .tool-versions mise.toml .mise.toml .envrc .env .env.local a/.env.test
    .vscode/tasks.json .idea/workspace.xml .devcontainer/devcontainer.json .zed/tasks.json .fleet/run.json a.code-workspace a.sublime-project .vimrc .exrc .nvimrc .nvim.lua .lvimrc .dir-locals.el .husky/pre-commit
    .pre-commit-config.yaml .pre-commit-hooks.yaml lefthook.yml .lintstagedrc.json .overcommit.yml .bashrc a/.profile .zshrc .zshenv .bash_profile .inputrc node_modules/x/index.js .venv/bin/activate venv/x.py vendor/bundle/x.rb
    x.desktop autorun.inf x.exe lib/x.so x.pyc __pycache__/a.txt .unknown a/.unknown/b foo.toml foo.yaml foo.ini foo.cfg foo.conf foorc knexfile.js Kbuild docs/conf.py nbproject/project.xml gunicorn.conf.py git~1 GIT~1/config a\\.git\\config .git::$INDEX_ALLOCATION/config hooks/pre-push`,
  instruction: `AGENTS.md a/AGENTS.md CLAUDE.md CLAUDE.local.md GEMINI.md .cursorrules .cursor/rules/a.mdc .windsurfrules .windsurf/a .clinerules .clinerules-code .roo/a .roorules .roorules-x
    .github/copilot-instructions.md .github/instructions/a.md .github/prompts/a.md .github/chatmodes/a.md .aider.conf.yml .continue/a .claude/settings.json .gemini/a .codex/a .opencode/a opencode.json .amazonq/a .kiro/a
    .junie/a .augment-guidelines .augment/a .goosehints .goose/a .trae/a .qwen/a .crush.json .mcp.json mcp.json SKILL.md a/SKILL.md skills/x/run.py .ringfence/policy.yaml MEMORY.md`,
  outside: "/etc/passwd ../x a/../b a//b ./a a/. a/ \\x C:/x a/\u2025/b",
};
for (const [expected, paths] of Object.entries(TABLE)) {
  for (const path of paths.split(/\s+/))
    test(`${JSON.stringify(path)} is ${expected}`, () => assert.equal(cls(path), expected));
}
test("an empty path, a NUL and a path of 5,000 characters are outside", () => {
  assert.deepEqual(
    ["", "a\0b", "a".repeat(5000)].map((path) => cls(path)),
    ["outside", "outside", "outside"],
  );
});

test("the reason says who runs the file and when", () => {
  assert.deepEqual(classify(edit(".gitattributes"), { isIgnored: false }), {
    cls: "run-later",
    why: "git attributes",
    runs: "git chooses filters, merge and diff drivers by it, at the next checkout, diff or merge",
  });
});

test("every held class but outside says what runs the file", () => {
  const paths = [...TABLE["run-later"].split(/\s+/), ...TABLE.instruction.split(/\s+/)];
  for (const path of paths) assert.ok(classify(edit(path), { isIgnored: false }).runs, path);
});

const named = fc.constantFrom(
  ...TABLE["run-later"].split(/\s+/),
  ...TABLE.instruction.split(/\s+/),
  ...TABLE.outside.split(" "),
);
/** Ways of spelling one character that some file system reads as the same character, or as none. */
const respell = (char: string) =>
  fc.constantFrom(
    char,
    char.toUpperCase(),
    char.toLowerCase(),
    `${char}\u200c`,
    `\u200b${char}`,
    `${char}\ufeff`,
    `${char}\u{e0041}`,
    `${char}\u00ad`,
    `${char}\udc80`,
    char >= "!" && char <= "~" && char !== "/" && char !== "\\"
      ? String.fromCodePoint(char.charCodeAt(0) + 0xfee0)
      : char,
    char === "s" ? "\u017f" : char,
    char === "k" ? "\u212a" : char,
    char === "i" ? "\u0131" : char,
    char === "/" ? "./" : char,
    char === "/" ? " /" : char,
    char === "/" ? "::$INDEX_ALLOCATION/" : char,
    char === "/" ? "\\" : char,
  );
const variant = (path: string) =>
  fc
    .tuple(...[...path].map(respell), fc.constantFrom("", ".", " ", ". .", "::$DATA", ":x"))
    .map((parts) => parts.join(""));

test("a variant spelling of a registered name never has a weaker class", () => {
  fc.assert(
    fc.property(
      named.chain((path) => fc.tuple(fc.constant(path), variant(path))),
      ([path, spelled]) => {
        assert.ok(
          ORDER.indexOf(cls(spelled)) >= ORDER.indexOf(cls(path)),
          `${JSON.stringify(spelled)} is ${cls(spelled)}, ${path} is ${cls(path)}`,
        );
      },
    ),
  );
});

test("a registered name is held at any depth but where only the top counts", () => {
  const anywhere = TABLE["run-later"].split(/\s+/).filter((path) => !/^foo|^\.github\//.test(path));
  for (const path of anywhere) assert.equal(cls(`packages/one/${path}`), "run-later", path);
});

test("what shadows a tool that is started as a module of Python is held at the top, where its name is looked for", () => {
  for (const path of ["pip.py", "pytest.py", "pytest/__main__.py", "unittest/__init__.py"])
    assert.deepEqual([path, cls(path), cls(`src/${path}`)], [path, "run-later", "source"]);
});

test("every change has a class, and ignoring never makes it stricter", () => {
  const type = fc.constantFrom("file", "symlink", "dir", "other");
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      type,
      fc.constantFrom("add", "edit", "delete"),
      fc.nat(0o7777),
      fc.string(),
      fc.uint8Array(),
      (path, kind, action, mode, target, newContent) => {
        const change = edit(path, { type: kind, action, mode, target });
        const plain = classify(change, { isIgnored: false, newContent }).cls;
        const ignored = classify(change, { isIgnored: true, newContent }).cls;
        assert.ok(ORDER.includes(plain) && plain !== "ignored");
        assert.ok(ignored === plain || (ignored === "ignored" && plain !== "outside" && !isGitPath(path)));
        if (kind === "other") assert.equal(plain, "outside");
      },
    ),
  );
});

test("git's data is known at any depth and in any spelling", () => {
  for (const path of [
    ".git",
    "a/.git/x",
    ".GIT/x",
    ".g\u200cit/x",
    "git~1/x",
    "GIT~2",
    ".git. /x",
    ".git::$INDEX_ALLOCATION/x",
    "a\\.git\\x",
    "\uff0egit/x",
  ])
    assert.ok(isGitPath(path), path);
  for (const path of ["git", ".gitignore", "a.git/x", ".github/x", "git~x"]) assert.ok(!isGitPath(path), path);
});

for (const [promise, path, more, expected] of [
  ["a deleted hook is held like the hook", ".husky/pre-commit", { action: "delete", hash: null }, "run-later"],
  ["a new executable is held", "scripts/x.sh", { mode: 0o755, executable: true }, "run-later"],
  [
    "an executable that was one already is source",
    "scripts/x.sh",
    { mode: 0o755, executable: true, base: { type: "file", mode: 0o755, hash: "0" } },
    "source",
  ],
  [
    "an executable in place of an executable link is new",
    "scripts/x.sh",
    { mode: 0o755, executable: true, base: { type: "symlink", mode: 0o777, hash: "0" } },
    "run-later",
  ],
  ["a set-user-id file is held", "x", { mode: 0o4644 }, "run-later"],
  ["a device never lands", "x", { type: "other" }, "outside"],
  ["a link inside the tree is source", "a/b", { type: "symlink", target: "../src/x.ts" }, "source"],
  ["an absolute link is outside", "a/b", { type: "symlink", target: "/etc/passwd" }, "outside"],
  ["a link that climbs out is outside", "a/b", { type: "symlink", target: "../../x" }, "outside"],
  ["a link that climbs after a name is outside", "a/b", { type: "symlink", target: "c/../x" }, "outside"],
  ["a link without a target is outside", "a/b", { type: "symlink" }, "outside"],
  ["a link into .git is held", "a/b", { type: "symlink", target: "../.GIT/hooks" }, "run-later"],
  ["a link to a file that runs later is held", "a/b", { type: "symlink", target: "../Makefile" }, "run-later"],
  ["a link to instructions is an instruction", "a/b", { type: "symlink", target: "../AGENTS.md" }, "instruction"],
  ["a link to the whole checkout is held", "a/b", { type: "symlink", target: ".." }, "run-later"],
  [
    "a link in place of a folder is held",
    "a/b",
    { type: "symlink", target: "c", base: { type: "dir", mode: 0o755, hash: null } },
    "run-later",
  ],
  ["a folder named config is source", "config", { type: "dir", mode: 0o755, hash: null, base: null }, "source"],
  ["a folder of an editor is held", ".vscode", { type: "dir", mode: 0o755, hash: null, base: null }, "run-later"],
] as const) {
  test(promise, () => assert.equal(cls(path, more), expected));
}

test("compiled code is known by its first bytes", () => {
  for (const head of ["\x7fELF", "MZ\0"]) assert.equal(cls("a/data.bin", {}, { newContent: bytes(head) }), "run-later");
  assert.equal(cls("a/data.bin", {}, { newContent: Uint8Array.of(0xcf, 0xfa, 0xed, 0xfe) }), "run-later");
  assert.equal(cls("a/data.bin", {}, { newContent: bytes("MZ is a text") }), "source");
});

for (const [path, more, expected] of [
  ["dist/a.js", {}, "ignored"],
  [".env", {}, "ignored"],
  ["node_modules/x/package.json", {}, "ignored"],
  ["target/debug/app", { mode: 0o755, executable: true }, "ignored"],
  ["app", { mode: 0o755, executable: true }, "ignored"],
  [".git/config", {}, "run-later"],
  ["node_modules/x/.git/config", {}, "run-later"],
  ["node_modules/x", { type: "symlink", target: "/etc" }, "outside"],
  [".vscode/settings.json", {}, "run-later"],
  ["CLAUDE.local.md", {}, "instruction"],
  ["src/Makefile", {}, "run-later"],
] as const) {
  test(`an ignored ${path} is ${expected}`, () => assert.equal(cls(path, more, { isIgnored: true }), expected));
}

for (const [promise, before, after, expected] of [
  [
    "descriptive fields alone are source",
    `{"name":"a","version":"1"}`,
    `{"name":"a","version":"2","description":"x","keywords":[],"license":"MIT","author":"me"}`,
    "source",
  ],
  ["white space alone is source", `{"name":"a"}`, `{\n  "name": "a"\n}`, "source"],
  ["scripts are held", `{"scripts":{"a":"b"}}`, `{"scripts":{"a":"c"}}`, "run-later"],
  ["a field that goes away is held", `{"scripts":{}}`, `{}`, "run-later"],
  ["dependencies are held", `{}`, `{"dependencies":{"a":"1"}}`, "run-later"],
  ["a tool's section is held", `{}`, `{"jest":{"preset":"x"}}`, "run-later"],
  ["a field that nobody knows is held", `{}`, `{"foo":1}`, "run-later"],
  ["the order of conditions counts", `{"exports":{"a":"1","b":"2"}}`, `{"exports":{"b":"2","a":"1"}}`, "run-later"],
  ["a key twice is held", `{"version":"1"}`, `{"version":"1","version":"2"}`, "run-later"],
  ["a key twice in another spelling is held", `{"version":"1"}`, `{"version":"1","\\u0076ersion":"2"}`, "run-later"],
  ["a key twice deep inside is held", `{"bugs":{"a":1}}`, `{"bugs":{"a":1,"a":2}}`, "run-later"],
  ["what does not parse is held", `{"version":"1"}`, `{"version":"1",}`, "run-later"],
  ["a base that does not parse is held", `{"version":"1",}`, `{"version":"1"}`, "run-later"],
  ["a list is held", `{}`, `[]`, "run-later"],
  ["deep nesting is held", `{}`, `{"description":${"[".repeat(99)}${"]".repeat(99)}}`, "run-later"],
  ["__proto__ is held", `{}`, `{"__proto__":{"scripts":1}}`, "run-later"],
] as const) {
  test(`package.json: ${promise}`, () => {
    assert.equal(cls("a/package.json", {}, { oldContent: bytes(before), newContent: bytes(after) }), expected);
    for (const path of ["a/Package.json", "node_modules/a/package.json", ".x/package.json"]) {
      assert.equal(cls(path, {}, { oldContent: bytes(before), newContent: bytes(after) }), "run-later");
    }
  });
}

test("package.json: a new one, a deleted one and one without known content are held", () => {
  assert.equal(
    cls("package.json", { action: "add", base: null }, { oldContent: null, newContent: bytes("{}") }),
    "run-later",
  );
  assert.equal(cls("package.json", { action: "delete" }, { oldContent: bytes("{}"), newContent: null }), "run-later");
  assert.equal(cls("package.json"), "run-later");
});

test("all classes but source and ignored are held", () =>
  assert.deepEqual(ORDER.filter(isHeld), ["instruction", "run-later", "outside"]));

test("a hundred thousand ordinary paths take little time, and hostile long ones less than they", () => {
  const start = process.cpuUsage();
  for (let at = 0; at < 100_000; at += 1) cls(`packages/p${at % 97}/src/components/file-${at}.component.ts`);
  const ordinary = workMs(start);
  for (const piece of ["a", ".", "/", ".a", "a/", "~1", ".config", " ", "\u200b", "hooks/", "\\", ":"])
    for (let at = 0; at < 20; at += 1) cls(piece.repeat(4096 / piece.length));
  const hostile = workMs(start) - ordinary;
  assert.ok(ordinary < 10_000 && hostile < ordinary, `${ordinary} ms, ${hostile} ms`);
});
