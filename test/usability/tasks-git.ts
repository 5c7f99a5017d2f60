import { edit, failing, read, run, search, type Task, task, write } from "./task.ts";

const CLEAN = '[ -z "$(git status --short)" ] && git fsck --strict --no-dangling 2>/dev/null';

/** Ordinary work with git, and on documents. */
export const GIT_TASKS: readonly Task[] = [
  task(
    {
      name: "bisect to the commit that broke a program, and fix it",
      needs: ["git", "python3"],
      make: String.raw`git init -q -b main .; printf 'def half(n):\n    return n / 2\n' >half.py
printf 'from half import half\nassert half(6) == 3 and isinstance(half(6), int)\n' >check.py; sed -i 's|n / 2|n // 2|' half.py; git add -A; git commit -qm 'Halves'
for i in $(seq 16); do echo "step $i" >>log.txt; [ $i != 11 ] || sed -i 's|n // 2|n / 2|' half.py; git add -A; git commit -qm "Step $i"; done`,
      issue: "half(6) was 3 once, and is 3.0 now. It worked 16 commits ago.",
      check: `python3 -B check.py && grep -qx 'Broken by: Step 11' FOUND.md && [ "$(git log -1 --format=%s)" = 'Halve into whole numbers again' ] && ${CLEAN}`,
    },
    failing("python3 -B check.py"),
    run(
      "git bisect start HEAD HEAD~16 && git bisect run python3 -B check.py && git log -1 --format='Broken by: %s' refs/bisect/bad >/tmp/found; git bisect reset && cp /tmp/found FOUND.md",
    ),
    read("FOUND.md"),
    edit("half.py", "n / 2", "n // 2"),
    run(
      "python3 -B check.py && git add FOUND.md half.py && git commit -qm 'Halve into whole numbers again' && git log --oneline -2",
    ),
  ),
  task(
    {
      name: "resolve the conflict of a merge",
      needs: ["git", "python3"],
      make: String.raw`git init -q -b main .; printf 'NAMES = ["a"]\nLIMIT = 10\n' >conf.py; git add -A; git commit -qm base
git checkout -qb feature; printf 'NAMES = ["a", "b"]\nLIMIT = 10\n' >conf.py; echo feature >feature.txt; git add -A; git commit -qm 'Add b'
git checkout -q main; printf 'NAMES = ["a", "c"]\nLIMIT = 20\n' >conf.py; git commit -qam 'Add c'`,
      issue: "The branch feature cannot be merged any more; please keep both names.",
      check: `python3 -c 'from conf import *; assert NAMES == ["a", "b", "c"] and LIMIT == 20' && [ "$(git log -1 --format=%p | wc -w)" = 2 ] && git merge-base --is-ancestor feature HEAD && [ -e feature.txt ] && ${CLEAN}`,
    },
    failing("git merge feature"),
    run("git diff"),
    write("conf.py", 'NAMES = ["a", "b", "c"]\nLIMIT = 20\n'),
    run(
      "git add conf.py && git commit -qm 'Merge feature' && python3 -c 'from conf import *; print(NAMES)' && git log --graph --oneline",
    ),
  ),
  task(
    {
      name: "rebase local work on a branch, through a conflict",
      needs: ["git"],
      make: String.raw`git init -q -b main .; printf 'one\ntwo\nthree\n' >text; git add -A; git commit -qm base
git checkout -qb topic; sed -i s/two/TWO/ text; git commit -qam 'Loud two'; echo more >more; git add more; git commit -qm More
git checkout -q main; sed -i 's/two/two!/' text; git commit -qam 'Stress two'`,
      issue: "Please bring topic up to date on main, and then merge it fast-forward. It should read TWO!",
      check: `[ "$(sed -n 2p text)" = 'TWO!' ] && [ "$(git log --format=%s main | tr '\\n' ,)" = 'More,Loud two,start,Stress two,base,' ] && ${CLEAN}`,
    },
    failing("git checkout -q -b work topic && git rebase main"),
    run("printf 'one\\nTWO!\\nthree\\n' >text && git add text && GIT_EDITOR=true git rebase --continue"),
    run("git checkout -q main && git merge -q --ff-only work && git branch -d work && git log --graph --oneline --all"),
  ),
  task(
    {
      name: "revert a commit and say why",
      needs: ["git"],
      make: `git init -q -b main .; echo 10 >limit; git add -A; git commit -qm base; echo 99999 >limit; git commit -qam 'Raise the limit'; echo x >other; git add -A; git commit -qm Other`,
      issue: "Since the limit was raised the shop is down. Please take that commit back.",
      check: `[ "$(cat limit)" = 10 ] && [ -e other ] && git log -1 --format=%B | grep -q 'This reverts commit' && git log -1 --format=%B | grep -q 'is down' && ${CLEAN}`,
    },
    run("git log --oneline -- limit"),
    run(
      "git revert --no-edit $(git log -1 --format=%h --grep='Raise the limit') && git commit -q --amend -m \"$(git log -1 --format=%B)\" -m 'The shop is down since.' && git show --stat",
    ),
    run("cat limit"),
  ),
  task(
    {
      name: "cherry-pick a fix from another branch",
      needs: ["git", "bash"],
      make: String.raw`git init -q -b main .; printf 'echo 1\nexit 1\n' >run.sh; git add -A; git commit -qm base; git checkout -qb next; echo new >feature; git add -A; git commit -qm Feature
printf 'echo 1\nexit 0\n' >run.sh; git commit -qam 'Fix the status'; echo newer >feature; git commit -qam More; git checkout -q main`,
      issue: "The fix of the status is on next. We need it on main, without the feature.",
      check: `bash run.sh && [ ! -e feature ] && [ "$(git log -1 --format=%s)" = 'Fix the status' ] && git log -1 --format=%B | grep -q 'cherry picked from' && ${CLEAN}`,
    },
    failing("bash run.sh"),
    run("git log --oneline next -- run.sh"),
    run("git cherry-pick -x $(git log -1 --format=%h next -- run.sh) && bash run.sh && git status --short"),
  ),
  task(
    {
      name: "finish work that the person had stashed",
      needs: ["git", "python3"],
      make: String.raw`git init -q -b main .; printf 'def area(w, h):\n    return w * h\n' >area.py; git add -A; git commit -qm base; printf '\n\ndef rim(w, h):\n    return 2 * w +\n' >>area.py; git stash -q; echo '# Areas' >README.md; git add -A; git commit -qm Readme`,
      issue: "rim(2, 3) should be 10. I believe somebody has begun it and stashed it.",
      check: `python3 -c 'from area import area, rim; assert rim(2, 3) == 10 and area(2, 3) == 6' && [ "$(git log -1 --format=%s)" = 'Add rim' ] && ${CLEAN}`,
    },
    run("git stash list && git stash show -p"),
    run("git stash apply -q && git status --short"),
    failing("python3 -B area.py"),
    edit("area.py", "2 * w +", "2 * w + 2 * h"),
    run("python3 -c 'from area import rim; print(rim(2, 3))' && git commit -qam 'Add rim'"),
  ),
  task(
    {
      name: "find out by blame why a line is there, and write it down",
      needs: ["git"],
      make: String.raw`git init -q -b main .; printf 'start\nretry = 3\nend\n' >conf; git add -A; git commit -qm base; sed -i 's/retry = 3/retry = 7/' conf; git commit -qam 'Retry seven times' -m 'The bank closes its connection for six seconds at night.'
for i in 1 2 3; do echo "line $i" >>conf; git commit -qam "Line $i"; done; mkdir docs; echo '# Settings' >docs/settings.md; git add -A; git commit -qm Docs`,
      issue: "Why seven retries? Nobody knows. Please document it in docs/settings.md.",
      check: `grep -q 'six seconds' docs/settings.md && grep -q "$(git log -1 --format=%h --grep='Retry seven')" docs/settings.md`,
    },
    search("retry"),
    run("git blame -s -L2,2 conf && git log -1 --format='%h %b' $(git blame -s -L2,2 conf | cut -d' ' -f1 | tr -d ^)"),
    run(
      "git log -1 --format='%n`retry` is 7: the bank closes its connection for six seconds at night (%h).' --grep='Retry seven' >>docs/settings.md && cat docs/settings.md",
    ),
  ),
  task(
    {
      name: "apply a patch that came with an issue",
      needs: ["git", "bash"],
      make: String.raw`printf '#!/bin/sh\nname=$1\necho Hello $name\n' >greet.sh; chmod +x greet.sh`,
      issue:
        'It says "Hello" to nobody. A patch:\n\n--- a/greet.sh\n+++ b/greet.sh\n@@ -1,3 +1,3 @@\n #!/bin/sh\n-name=$1\n-echo Hello $name\n+name=${1:-you}\n+echo "Hello $name"\n',
      check: `[ "$(./greet.sh)" = 'Hello you' ] && [ "$(./greet.sh 'a  b')" = 'Hello a  b' ]`,
    },
    run(
      "sed -n '/^--- a/,$p' inbox/issue.md | sed '/^$/,$d' >/tmp/issue.patch && git apply --check --recount /tmp/issue.patch && git apply --stat /tmp/issue.patch",
    ),
    read("greet.sh"),
    run("git apply --recount /tmp/issue.patch && ./greet.sh && git diff --stat"),
  ),
  task(
    {
      name: "write a changelog from the history",
      needs: ["git"],
      make: `git init -q -b main .; git add -A; git commit -qm 'Start'; git tag v1; for s in 'feat: sort orders' 'fix: no crash on empty carts' 'chore: tidy' 'feat: export as JSON'; do echo "$s" >>work; git add -A; git commit -qm "$s"; done`,
      issue: "What is new since v1? There is no changelog.",
      check: `[ "$(grep -c '^- ' CHANGELOG.md)" = 3 ] && ! grep -q tidy CHANGELOG.md && grep -A2 '^### Features' CHANGELOG.md | grep -q 'export as JSON' && [ "$(git log -1 --format=%s)" = 'Add a changelog' ] && ${CLEAN}`,
    },
    run("git log --oneline v1.."),
    run(
      "{ printf '# Changes\\n\\n### Features\\n'; git log --format=%s v1.. | sed -n 's/^feat: /- /p'; printf '\\n### Fixes\\n'; git log --format=%s v1.. | sed -n 's/^fix: /- /p'; } >CHANGELOG.md",
    ),
    read("CHANGELOG.md"),
    run("git add CHANGELOG.md && git commit -qm 'Add a changelog' && git status --short"),
  ),
  task(
    {
      name: "correct the documents, and rename one with its links",
      needs: ["git", "node"],
      make: String.raw`mkdir docs; printf '# Shop\n\nSee [how to begin](docs/begin.md) and [sizes](docs/sizes.md).\n\n    node sum.mjs 1 2\n' >README.md; printf '# Begin\n\nBack to [the shop](../READMEE.md), on to [sizes](sizes.md).\n' >docs/begin.md; echo '# Sizes' >docs/sizes.md
echo 'console.log(process.argv.slice(2).reduce((a, b) => a + Number(b), 0));' >sum.mjs`,
      issue:
        "A link in docs/begin.md is dead, the example does not say what it prints, and docs/sizes.md should be called docs/größen.md.",
      check: `! grep -rn 'sizes\\.md\\|READMEE' README.md docs && [ -e docs/größen.md ] && [ ! -e docs/sizes.md ] && grep -A1 'sum.mjs 1 2' README.md | grep -qw 3 && [ "$(grep -o 'größen.md' -r README.md docs/begin.md | wc -l)" = 2 ]`,
    },
    run("grep -no '\\[[^]]*\\]([^)]*)' README.md docs/*.md"),
    run("git mv docs/sizes.md docs/größen.md && sed -i 's/sizes\\.md/größen.md/' README.md docs/begin.md"),
    edit("docs/begin.md", "READMEE", "README"),
    run("node sum.mjs 1 2"),
    edit("README.md", "    node sum.mjs 1 2\n", "    node sum.mjs 1 2    # prints 3\n"),
    run(
      "for f in README.md docs/*.md; do grep -o '([^)]*)' $f | tr -d '()' | while read l; do [ -e \"$(dirname $f)/$l\" ] || { echo \"$f: $l\"; exit 1; }; done; done",
    ),
  ),
];
