/** How the person signs: a key of their own, and their git told of it. */
export const WAYS = {
  "an ssh key":
    "mkdir -m 700 ~/.ssh; ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id; echo \"ada@example.test $(cat ~/.ssh/id.pub)\" >~/.ssh/allowed; git config --global gpg.format ssh; git config --global user.signingKey '~/.ssh/id.pub'; git config --global gpg.ssh.allowedSignersFile ~/.ssh/allowed",
  "an OpenPGP key":
    "mkdir -m 700 ~/.gnupg; gpg --batch -q --passphrase '' --quick-gen-key 'Ada Example <ada@example.test>' ed25519 sign 2>/dev/null",
};

/** Commits of the box with a merge, an author of their own and another committer. */
export const WORK =
  "echo 1 >>a.txt; git -c user.name=Box -c user.email=box@box commit -qam one; git checkout -qb side; echo s >s.txt; git add .; git commit -qm side; git checkout -q main; echo 2 >>a.txt; git commit -qam two --author='Ann <ann@x>'; git merge -q --no-ff side -m merged";

/** A checkout of two files. */
export const MAKE = "umask 022; echo a >a.txt; echo b >b.txt";
