import type { Journey } from "./journey.ts";

const commits = (count: number) =>
  `for i in $(seq ${count}); do echo "line $i" >>log.txt; git add log.txt; git commit -qm "Line $i"; done\n`;

// Relative pointers, since the checkout and the home are copied to another place for each run.
const LINKED = `cd ..; rm -rf repo; git init -q home/main; cd home/main; git config gc.auto 0; ${commits(3)}git worktree add -q -b topic ../../repo; cd ../../repo
echo 'gitdir: ../home/main/.git/worktrees/repo' >.git; echo ../../../../../repo/.git >../home/main/.git/worktrees/repo/gitdir; git status --short`;
const SUBMODULE = `cd ..; rm -rf repo; git init -q home/lib; cd home/lib; ${commits(3)}git init -q ../super; cd ../super
git -c protocol.file.allow=always submodule --quiet add ../lib vendor/lib; git commit -qm lib; cd ../..; mv home/super/vendor/lib repo; cd repo
echo 'gitdir: ../home/super/.git/modules/vendor/lib' >.git; git --git-dir=../home/super/.git/modules/vendor/lib --work-tree=. config core.worktree ../../../../../../repo; git config gc.auto 0`;

/** Git, from a plain commit to bisecting, with the repository's own hooks. */
export const GIT: readonly Journey[] = [
  {
    name: "git: a rebase with a conflict, resolved and continued",
    needs: ["git", "bash"],
    setup:
      "printf 'a\\nb\\nc\\n' >f.txt; git add -A; git commit -qm base; git checkout -qb topic; sed -i 's/b/topic/' f.txt; git commit -qam topic; echo new >n.txt; git add n.txt; git commit -qm new; git checkout -q main; sed -i 's/b/main/' f.txt; git commit -qam main",
    steps: [
      "git checkout -q topic && git rebase main >/dev/null 2>&1; echo $?; git status --short; cat f.txt | sed 's/>>>>>>> .*/>>>>>>>/'",
      "printf 'a\\nboth\\nc\\n' >f.txt && git add f.txt && GIT_EDITOR=true git rebase --continue 2>&1 | tail -1",
      "git log --format=%s && git status --short --branch",
      "GIT_SEQUENCE_EDITOR=\"sed -i '2s/pick/fixup/'\" git rebase -qi main && git log --format=%s && git show --stat --format= HEAD",
      "git checkout -q main && git merge -q --ff-only topic && git branch -d topic | sed 's/(was .*)//' && git rev-list --count HEAD",
    ],
  },
  {
    name: "git: a merge conflict, given up, then settled",
    needs: ["git", "bash"],
    setup:
      "echo base >a.txt; git add -A; git commit -qm base; git checkout -qb left; echo left >a.txt; git commit -qam left; git checkout -q main; echo right >a.txt; git commit -qam right",
    steps: [
      "git merge left; git diff --name-only --diff-filter=U",
      "git merge --abort && cat a.txt && git status --short",
      "git merge left >/dev/null; git checkout --theirs a.txt && git add a.txt && git commit -qm merged && git log --format=%s --first-parent",
      "git revert -m 1 --no-edit HEAD >/dev/null && cat a.txt && git log --format='%s %p' | sed 's/ [0-9a-f ]*$//' | head -3",
    ],
  },
  {
    name: "git: bisect finds the commit that broke a program",
    needs: ["git", "bash"],
    setup:
      "echo 'echo 0' >p.sh; git add -A; git commit -qm start; for i in $(seq 20); do echo \"echo $i\" >>p.sh; [ $i = 13 ] && echo 'exit 1' >>p.sh; git commit -qam \"Step $i\"; done; git tag end",
    steps: [
      "sh p.sh | tail -1; git bisect start HEAD HEAD~20 >/dev/null && git bisect run sh p.sh >/tmp/bisect.txt 2>&1; git log -1 --format=%s refs/bisect/bad",
      "git bisect log | grep -c '^git bisect'",
      "git bisect reset 2>/dev/null; git status --short --branch; git describe --tags",
    ],
  },
  {
    name: "git: a stash with new files, looked at and brought back",
    needs: ["git", "bash"],
    setup: "echo one >a.txt; echo two >b.txt; git add -A; git commit -qm base",
    steps: [
      "echo changed >a.txt; echo new >c.txt; rm b.txt; git stash push -qu -m work && git status --short && ls",
      "git stash list && git stash show --include-untracked --stat",
      "echo other >d.txt && git add d.txt && git commit -qm other && git stash pop 2>&1 | grep -o 'modified.*\\|deleted.*\\|c.txt' ; git stash list",
      "git checkout -q -- . && git clean -fdq && git status --short && ls",
    ],
  },
  {
    name: "git: worktrees inside the checkout and in /tmp",
    needs: ["git", "bash"],
    setup: `${commits(3)}echo trees >.gitignore`,
    steps: [
      "git worktree add -q -b feature trees/feature && git -C trees/feature log --format=%s -1 && ls trees/feature",
      "cd trees/feature && echo x >x.txt && git add x.txt && git commit -qm 'From the tree' && git branch --show-current",
      "cd ../.. && git worktree add -q --detach /tmp/tree HEAD~1 && cat /tmp/tree/log.txt && git worktree list | wc -l",
      "git merge -q feature && ls && git worktree remove trees/feature && git worktree remove /tmp/tree && git worktree list | wc -l && git branch -d feature | sed 's/(was .*)//'",
    ],
  },
  {
    name: "git: a linked worktree is the checkout: commit, stash, rebase, merge",
    needs: ["git", "bash"],
    setup: LINKED,
    steps: [
      "git status --short --branch && git log --format=%s && git rev-parse --git-common-dir | grep -o 'home/main/.git'",
      "echo x >x.txt && git add x.txt && git commit -qm X && echo more >>log.txt && git stash -q && git status --short && git stash pop -q && git diff --stat",
      "git commit -qam More && git checkout -q -b side HEAD~2 && echo s >s.txt && git add s.txt && git commit -qm Side && git rebase -q side topic && git log --format=%s",
      "git checkout -q main 2>&1 | grep -o 'is already.*at' ; git merge -q main && git reset -q --hard HEAD~1 && git cherry-pick ORIG_HEAD >/dev/null && git log --format=%s -1",
      "git tag -a v1 -m one && git describe && git branch --format='%(refname:short)' && git fsck --no-dangling 2>&1 | grep -v notice; git reflog | wc -l",
      "git rm -q x.txt && git commit -qm 'Drop x' && git revert --no-edit HEAD >/dev/null && git show --stat --format=%s HEAD && git status --short",
    ],
  },
  {
    name: "git: a submodule alone is the checkout: commit, branch, stash",
    needs: ["git", "bash"],
    setup: SUBMODULE,
    steps: [
      "git status --short --branch && git log --format=%s && git rev-parse --show-toplevel | grep -o 'repo$'",
      "git checkout -q --detach && echo x >x.txt && git add x.txt && git commit -qm X && git log --format=%s -1 && git branch -a --format='%(refname:short)' | grep -v detached",
      "git checkout -q -b topic && echo y >>x.txt && git stash -q && git stash list | wc -l && git stash pop -q && git commit -qam Y && git log --format='%s %D' -2",
      "git remote -v | grep -c lib; git show --stat --format=%s HEAD && git fsck --no-dangling 2>&1 | grep -v notice; git status --short --branch",
    ],
  },
  {
    name: "git: a submodule added, changed inside and updated",
    needs: ["git", "bash"],
    steps: [
      "git init -q --bare /tmp/lib.git && git clone -q /tmp/lib.git /tmp/lib 2>/dev/null; cd /tmp/lib && echo 1 >v && git add v && git commit -qm one && git push -q origin HEAD:main && cd - >/dev/null && git -C /tmp/lib.git branch",
      "git -c protocol.file.allow=always submodule --quiet add /tmp/lib.git vendor/lib && cat .gitmodules && git commit -qm 'Add lib' && git submodule status | cut -c 42-",
      "cd vendor/lib && echo 2 >v && git commit -qam two && git -c protocol.file.allow=always push -q origin HEAD:main && git log --format=%s",
      "cd ../.. && git status --short && git diff --submodule=log | grep '>' ; git commit -qam 'Move lib' && git status --short",
      "git -c protocol.file.allow=always clone -q --recurse-submodules . /tmp/copy && cat /tmp/copy/vendor/lib/v",
      "git submodule --quiet deinit -f vendor/lib && git rm -q vendor/lib && git commit -qm 'Drop lib' && git status --short",
    ],
  },
  {
    name: "git: files that git-lfs left as pointers, changed, switched and merged",
    needs: ["git", "bash"],
    setup:
      "printf '*.bin filter=lfs diff=lfs merge=lfs -text\\n' >.gitattributes; pointer() { printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%064d\\nsize 12\\n' $1; }; pointer 1 >a.bin",
    steps: [
      "git check-attr filter a.bin; git status --short; sed -i s/1$/2/ a.bin && git diff --stat | cat && git commit -qam two && git show --format=%s | tail -3",
      "git switch -qc side HEAD~1 && sed -n 2p a.bin && cp a.bin b.bin && git add b.bin && git commit -qm side && git merge -q --no-edit main && sed -n 2p a.bin && git ls-files",
      "sed -i s/12$/13/ b.bin; git stash -q && git status --short && git stash pop -q && git status --short && git switch -q main 2>&1 | head -1; git branch --show-current",
    ],
  },
  {
    name: "git: the repository's own hooks run, refuse and change",
    needs: ["git", "bash"],
    setup: String.raw`mkdir hooks; printf '#!/bin/sh\nif git diff --cached | grep -q "^+.*FORBIDDEN"; then echo "hook: forbidden word"; exit 1; fi\n' >hooks/pre-commit
printf '#!/bin/sh\necho "Signed: hook" >>"$1"\n' >hooks/commit-msg; printf '#!/bin/sh\necho "checked out $3"\n' >hooks/post-checkout; chmod +x hooks/*; git config core.hooksPath hooks; echo a >a.txt; git -c core.hooksPath=/dev/null add -A; git -c core.hooksPath=/dev/null commit -qm base`,
    steps: [
      "echo FORBIDDEN >>a.txt; git commit -qam bad; echo $?; git status --short",
      "echo fine >a.txt; git commit -qam good && git log -1 --format=%B",
      "git checkout -q -b other 2>&1; git commit -q --allow-empty --no-verify -m raw && git log -1 --format=%B",
      String.raw`git config --unset core.hooksPath; printf '#!/bin/sh\necho pre-push >&2; exit 1\n' >.git/hooks/pre-push; chmod +x .git/hooks/pre-push; git init -q --bare /tmp/remote.git; git push -q /tmp/remote.git HEAD; echo $?`,
      "git push -q --no-verify /tmp/remote.git HEAD; git --git-dir=/tmp/remote.git log --format=%s -1 other",
    ],
  },
  {
    name: "git: folders are renamed and history follows",
    needs: ["git", "bash"],
    setup:
      "mkdir -p lib/deep assets; for i in 1 2 3; do seq $i 40 >lib/deep/$i.txt; echo $i >assets/$i; done; ln -s deep/1.txt lib/link; chmod +x lib/deep/2.txt",
    steps: [
      "git mv lib source && git status --short && git commit -qm 'Move lib' && git log --follow --format=%s -- source/deep/1.txt",
      "mv assets static && git add -A && git status --short && git commit -qm 'Move assets'",
      "git mv source/deep source/flat && git mv source/link source/way && ls -l source | grep -o 'way.*' && git commit -qm 'Move deeper' && git diff --stat -M HEAD~3 | tail -1",
      "git checkout -q HEAD~2 && find . -path ./.git -prune -o -type f -print | sort && git checkout -q main && find . -path ./.git -prune -o -type f -print | sort",
      "git mv source static moved 2>/dev/null; echo $?; mkdir moved; git mv source static moved && ls moved && git reset -q --hard && git clean -fdq && ls",
      "git mv source/flat/1.txt source/one.txt && git reset -q --hard && git status --short && git show --stat --format=%s HEAD | head -3",
    ],
  },
  {
    name: "git: clone, push, fetch and pull over a bare repository",
    needs: ["git", "bash"],
    setup: commits(3),
    steps: [
      "git init -q --bare /tmp/origin.git && git remote add origin /tmp/origin.git && git push -qu origin main && git status -sb | head -1",
      "git clone -q . inner && git -C inner log --format=%s -1 && rm -rf inner",
      "git clone -q /tmp/origin.git /tmp/other -b main && cd /tmp/other && echo theirs >t.txt && git add t.txt && git commit -qm Theirs && git push -q && git log --format=%s -1",
      "cd - >/dev/null; cd \"$(git rev-parse --show-toplevel)\"; pwd | grep -o 'repo$'",
      "cd /tmp/other && echo more >>t.txt && git commit -qam More && git push -q; cd - >/dev/null; echo mine >m.txt && git add m.txt && git commit -qm Mine && git push -q 2>/dev/null; echo $?",
      "git fetch -q && git rev-list --left-right --count main...origin/main && git pull -q --rebase && git push -q && git log --format=%s -4 && git status -sb | head -1",
    ],
  },
  {
    name: "git: cherry-pick, tag, blame, patches by mail, reflog, fsck, gc",
    needs: ["git", "bash"],
    setup: `${commits(6)}`,
    steps: [
      "git checkout -q -b pick HEAD~3 && echo aside >aside.txt && git add -A && git commit -qm Aside && git checkout -q main && git cherry-pick pick >/dev/null && git log -1 --format=%s",
      "git tag -a v1 -m one && git describe && git blame -s log.txt | awk '{print $2, $3, $4}' && git log -S'line 4' --format=%s -- log.txt",
      "git format-patch -q -1 -o /tmp/patches && git reset -q --hard HEAD~1 && git am -q /tmp/patches/*.patch && git log -3 --format=%s",
      "git reflog | wc -l; git reset -q --hard HEAD@{1} 2>/dev/null || git reset -q --hard ORIG_HEAD; git fsck --no-dangling 2>&1 | grep -v notice | head -3; git gc -q --prune=now && git count-objects | grep -o '^0 objects'",
      "git shortlog -sn HEAD | cat; git grep -n 'line 2'; git archive HEAD | tar t; git bundle create -q /tmp/b.bundle HEAD && git bundle verify -q /tmp/b.bundle && echo fine",
    ],
  },
  {
    name: "git: add in parts, amend, restore, ignore, attributes, sparse",
    needs: ["git", "bash"],
    setup:
      "seq 30 >n.txt; mkdir a b; echo 1 >a/1; echo 2 >b/2; printf '*.tmp\\nbuild/\\n' >.gitignore; printf '*.txt text\\n*.bin binary\\n' >.gitattributes",
    steps: [
      "sed -i '2s/.*/two/; 28s/.*/28th/' n.txt && printf 'y\\nn\\n' | git add -p n.txt >/dev/null && git diff --cached --numstat && git diff --numstat",
      "git commit -qm part && git commit -q --amend -m 'Part, amended' && git log -1 --format=%s && git restore n.txt && git status --short",
      "touch x.tmp && mkdir build && touch build/o && git status --short --ignored && git check-ignore -v x.tmp && git clean -fdXq && ls",
      "git sparse-checkout set a >/dev/null 2>&1 && ls && git sparse-checkout disable && ls; printf '\\0\\1' >x.bin && git add x.bin && git diff --cached --stat | cat",
      "git rm -q --cached x.bin && rm x.bin && chmod +x n.txt && git diff --summary && git stash -q && git status --short",
    ],
  },
  {
    name: "git: names with quotes, spaces, line breaks and bytes that are no text",
    needs: ["git", "bash"],
    setup: String.raw`touch 'a b' "it's" '"q"' -- '-dash' $'new\nline' $'tab\there' $'\xff\xfe' '*' '$(x)' ';' '~'; mkdir -p 'deep dir/in "side"'; echo 1 >'deep dir/in "side"/f'; for f in *; do [ -f "./$f" ] && echo x >"./$f"; done; true`,
    steps: [
      "ls -b | cat; git ls-files | wc -l",
      'for f in *; do [ -f "./$f" ] && echo more >>"./$f"; done; git status --short',
      "git add -A && git commit -qm more && git show --stat --format=%s | cat && find . -path ./.git -prune -o -type f -print0 | xargs -0 cat | sort | uniq -c | awk '{print $1, $2}'",
      "cd 'deep dir' && cd 'in \"side\"' && pwd | grep -o 'deep.*' && ls",
      "cat f; rm -- ../../-dash && git status --short .. && git -C ../.. checkout -q -- ./-dash && cat ../../-dash",
    ],
  },
  {
    name: "git: twenty thousand files are listed, changed and searched",
    needs: ["git", "bash"],
    setup:
      'for d in $(seq 200); do mkdir d$d; for f in $(seq 100); do echo "$d $f" >d$d/$f.txt; done; done; git -c core.fsync=none add -A; git -c core.fsync=none commit -qm many; git repack -adq; git prune-packed',
    steps: [
      "git status --short | wc -l; find . -name '*.txt' | wc -l; git ls-files | wc -l",
      "rm -rf d7 d8; echo changed | tee d1/1.txt d2/2.txt >/dev/null; git status --short | wc -l; git diff --stat | tail -1",
      "grep -rl '^100 ' --include='*.txt' . | wc -l; git grep -l changed; du -s --inodes --exclude=.git . | cut -f1",
      "git stash -q && ls -d d7 d8 && git stash pop -q && git status --short | wc -l && mv d9 e9 && ls e9 | wc -l && cp -r d10 e10 && git add -A && git commit -qm many && git show --stat --format= HEAD | tail -1",
      "git checkout -q HEAD~1 && ls | wc -l && git checkout -q main && ls | wc -l && git status --short | wc -l",
    ],
  },
];
