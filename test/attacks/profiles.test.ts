import assert from "node:assert/strict";
import { test } from "node:test";
import { analyseCommand } from "../../src/agent/shell.ts";
import { openBox, until } from "../../src/box/open.fixture.ts";

const PORT = 8124;
const TCP = `/dev/tcp/127.0.0.1/${PORT}`;

/** A checkout that has all that git, a pager and a search tool start by themselves start `evil.sh`. */
const PLANTED = String.raw`
printf 'one\ntwo\n' >README.md; echo bytes >data.bin; echo victim >victim; echo 'w harm' >evil.sed; echo 'BEGIN{system("touch harm")}' >evil.awk
printf '#!/bin/sh\n/usr/bin/touch "$(/usr/bin/dirname "$0")/harm"\ncat "$1" 2>/dev/null || cat\n' >evil.sh; cp evil.sh ls; cp evil.sh git-status; chmod +x evil.sh ls git-status
printf '%s\n' '--pre=./evil.sh' >rgrc; printf '*.bin diff=evil\n*.md filter=evil\n' >.gitattributes; git add -A; git commit -qm planted
git config core.pager ./evil.sh; git config diff.evil.textconv ./evil.sh; git config filter.evil.clean ./evil.sh; git config alias.st '!./evil.sh'
git config core.editor ./evil.sh; git config pager.log ./evil.sh
echo more >>README.md; echo more >>data.bin`;

/** Programs that look as if they only read. Each makes \`harm\`, removes \`victim\`, changes a file, or connects. */
const ATTACKS: readonly string[] = [
  "git diff",
  "git log -p -1 -- data.bin",
  "git show HEAD:data.bin --textconv",
  "git show HEAD -- data.bin",
  "git blame data.bin",
  "git cat-file --textconv HEAD:data.bin",
  "git grep --textconv bytes",
  "git grep -O'touch harm;true' one",
  "git grep --open-files-in-pager='touch harm;true' one",
  "o=-Otouch; git grep $o one -- harm README.md; git grep -e one --open-files-in-pager=./evil.sh",
  "git st",
  "git -c diff.external=./evil.sh diff",
  "git -p log -1",
  "git --paginate log -1",
  "git log --output=harm -1",
  "git diff --output=harm HEAD",
  "o=--output=harm; git log $o -1",
  "git config --file harm a.b c",
  "git config core.x y",
  "git branch harm && touch harm",
  "GIT_EXTERNAL_DIFF=./evil.sh git diff",
  "PAGER=./evil.sh git -p log -1",
  "export GIT_EXTERNAL_DIFF=./evil.sh; git diff",
  "PATH=.:$PATH ls README.md",
  "export PATH=$PWD:$PATH; ls README.md",
  "declare -x PATH=$PWD:$PATH; ls README.md",
  "read PATH <<<$PWD; export PATH; ls README.md",
  "ls() { touch harm; }; ls",
  "function cat { touch harm; }; cat README.md",
  "shopt -s expand_aliases\nalias ls='touch harm'\nls",
  "eval 'touch harm'",
  "source ./evil.sh",
  ". ./evil.sh",
  "./ls README.md",
  "command eval 'touch harm'",
  "builtin eval 'touch harm'",
  "hash -p $PWD/evil.sh cat; cat README.md",
  "trap 'touch harm' EXIT; ls",
  "ls & touch harm",
  "coproc touch harm; wait",
  "BASH_ENV=./evil.sh bash -c true",
  "env BASH_ENV=./evil.sh bash -c true",
  "env -S 'touch harm'",
  "bash -c 'touch harm'",
  "sh -c \"sh -c 'touch harm'\"",
  "bash <<<'touch harm'",
  "echo 'touch harm' | sh",
  "PS4='$(touch harm)' bash -xc :",
  "PS4='$(touch harm)'; set -x; :",
  "find . -maxdepth 0 -fprintf harm x",
  "find . -maxdepth 0 -fls harm",
  "find . -maxdepth 0 -exec touch harm \\;",
  "find . -maxdepth 0 -execdir touch harm \\;",
  "find . -name victim -delete",
  "d=-delete; find . -name victim $d",
  "sort -o harm README.md",
  "sort README.md --output=harm",
  "sort -uoharm README.md",
  "seq 200000 | sort -S 1k --compress-program=./evil.sh >/dev/null",
  "uniq README.md harm",
  "f=harm; uniq README.md $f",
  "xxd README.md harm",
  "sed 'w harm' README.md",
  "sed -n '1e touch harm' README.md",
  "sed 's/one/touch harm/e' README.md",
  "sed -n 's/one/two/w harm' README.md",
  "sed -n '1p;w harm' README.md",
  "sed -i s/one/two/ README.md",
  "sed -ns --in-place=.harm 1p README.md",
  "sed -f evil.sed README.md",
  "s='w harm'; sed -n \"$s\" README.md",
  "awk 'BEGIN{system(\"touch harm\")}'",
  'awk \'BEGIN{print "x" > "harm"}\'',
  'awk \'BEGIN{print "x" | "touch harm"}\'',
  "awk 'BEGIN{\"touch harm\" | getline}'",
  "awk -f evil.awk",
  "rg --pre ./evil.sh one",
  "rg --pre=./evil.sh one",
  "RIPGREP_CONFIG_PATH=rgrc rg one",
  "p=--pre=./evil.sh; rg $p one README.md",
  "tar cf /dev/null README.md --checkpoint=1 --checkpoint-action=exec='touch harm'",
  "echo harm | xargs touch",
  "xargs touch <<<harm",
  "echo 'x; touch harm' | xargs -I{} sh -c 'echo {}'",
  "ls $(touch harm)",
  "ls `touch harm`",
  "cat <(touch harm)",
  'echo "${x:-$(touch harm)}"',
  "cat <<EOF\n$(touch harm)\nEOF",
  'cat <<<"$(touch harm)"',
  "echo $((a[$(touch harm)0]))",
  "x='a[$(touch harm)0]'; echo $((x))",
  "[[ -v a[$(touch harm)] ]]",
  "test -v 'a[$(touch harm)0]'",
  "printf -v 'a[$(touch harm)0]' x",
  "read 'a[$(touch harm)0]' <<<x",
  "let 'a[$(touch harm)0]'",
  "declare -a 'a[$(touch harm)0]=1'",
  "a=1; unset 'a[$(touch harm)0]'",
  "x='$(touch harm)'; y=${x@P}",
  "mapfile -C 'touch harm;:' -c 1 <README.md",
  "$'\\x74ouch' harm",
  "t''ouch harm",
  "\\touch harm",
  "/usr/bin/tou?h harm",
  "{touch,harm}",
  "$(echo touch) harm",
  "x=touch; $x harm",
  "ls\u00a0; touch harm",
  "ls # \u202eok\ntouch harm",
  "ls\\\n;touch harm",
  ": >harm",
  ">harm",
  "exec 3>harm",
  "exec {fd}>harm",
  "ls >|harm",
  "ls >&harm",
  "ls &>>harm",
  "cat 1<>harm",
  "f=harm; ls >$f",
  "echo x >.git/hooks/harm; touch harm",
  "if false; then ls; else touch harm; fi",
  "for f in harm; do touch $f; done",
  "case x in *) touch harm;; esac",
  "(ls; { touch harm; })",
  "! touch harm",
  "time touch harm",
  "timeout 5 nice -n 1 env -i stdbuf -o0 touch harm",
  "nohup touch harm",
  `cat <${TCP}`,
  `f=${TCP}; cat <$f`,
  `echo x >${TCP}`,
  `exec 3<>${TCP}`,
  `f=${TCP}; exec 3<>$f; ls`,
  `python3 -c 'import socket; socket.create_connection(("127.0.0.1", ${PORT}))'`,
  `ls $(exec 3<>${TCP})`,
];

const LISTENER = `python3 -c '
import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", ${PORT})); s.listen(64); open("/tmp/heard", "w").close()
while True:
  c, _ = s.accept(); c.close()
  with open("/tmp/heard", "a") as f: f.write("heard\\n")'`;
const LOOK = "cat /tmp/heard; ls -A . .git/hooks; cksum README.md .git/config victim";
/** Every file of the checkout, with the instant of its last change. */
const TREE = "find . -printf '%p %m %s %C@\\n' | sort";
const CLEAN = "echo victim >victim; rm -rf harm .git/hooks/harm; : >/tmp/heard";

test("a program that looks as if it only read is not judged so, or the kernel refuses what it does", async (t) => {
  const { run, perform } = await openBox(t, PLANTED);
  await run(LISTENER, { background: true });
  await until("the listener stands", async () => (await run("test -e /tmp/heard")).ok);
  await run(CLEAN);
  const before = (await run(TREE)).text;
  const bounded: string[] = [];
  for (const command of ATTACKS) {
    const { profile } = await analyseCommand(command);
    if (profile !== "read-only") continue;
    bounded.push(command);
    await perform({ kind: "run", command, timeoutMs: 10_000, background: false, profile });
  }
  assert.equal((await run(TREE)).text, before);
  assert.equal((await run("wc -c </tmp/heard")).text, "0");
  assert.ok(ATTACKS.length >= 60, `${ATTACKS.length} attacks`);
  // Each of those hurts where nothing bounds it, so that this could not be passed by doing nothing.
  const harmless: string[] = [];
  for (const command of bounded) {
    const before = (await run(LOOK)).text;
    await run(command, { timeoutMs: 10_000 });
    if ((await run(LOOK)).text === before) harmless.push(command);
    await run(CLEAN);
  }
  assert.deepEqual(harmless, []);
});
