/** A checkout of every kind of entry. */
export const MAKE =
  "umask 022; mkdir d; echo a >a.txt; chmod 755 a.txt; echo b >b.txt; ln -s a.txt d/l; touch -d 2001-02-03 a.txt b.txt";

/** One change of every kind. */
export const WORK =
  "echo box >>a.txt; chmod 644 a.txt; rm b.txt; ln -sfn ../a.txt d/l; mkdir -p new/er; echo n >new/er/n; echo f >$'not\\xffutf8'";
