import { quote } from "./commands.ts";

/** What the box is told to make of one of its files; nothing is done where it is not what the host has seen. */
export interface SyncStep {
  readonly path: Uint8Array;
  /** What it holds by now. */
  readonly seen: Uint8Array;
  /** What it is to hold; null removes it. */
  readonly content: Uint8Array | null;
  readonly executable: boolean;
}

// Every folder on the way is looked at, entered and compared, so that no link is followed; the file is replaced at once.
const PERL = `use strict; use warnings; use Fcntl ":DEFAULT", ":mode";
binmode STDIN; binmode STDOUT; umask 0077;
my ($root) = @ARGV; local $/; my $in = <STDIN>; my $at = 0;
sub field { my $end = index $in, "\\0", $at; $end >= 0 or exit 3; my $text = substr $in, $at, $end - $at; $at = $end + 1; return $text }
sub bytes { my ($n) = @_; $at + $n <= length $in or exit 3; my $text = substr $in, $at, $n; $at += $n; return $text }
sub enter {
  chdir $root or return 0;
  for my $part (split m{/}, $_[0]) {
    my @seen = lstat $part; S_ISDIR($seen[2] // 0) && chdir $part or return 0;
    my @here = lstat "."; $here[0] == $seen[0] && $here[1] == $seen[1] or return 0;
  }
  return 1;
}
sub step {
  my ($path, $word, $seen, $content) = @_;
  my ($folder, $name) = $path =~ m{^(.*)/([^/]+)\\z}s ? ($1, $2) : ("", $path);
  enter($folder) or return 0;
  my @was = lstat $name; S_ISREG($was[2] // 0) or return 0;
  sysopen(my $file, $name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) or return 0;
  binmode $file; (<$file> // "") eq $seen or return 0;
  return unlink $name if $word eq "d";
  my $draft = ".ringfence-sync-$$";
  sysopen(my $to, $draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600) or return 0;
  my $mode = $was[2] & 0777; my $is = $mode & 0100 ? "x" : "-";
  $mode = $word eq "x" ? $mode | ($mode & 0444) >> 2 : $mode & 0666 if $word ne $is;
  return 1 if (syswrite($to, $content) // -1) == length $content && chmod($mode, $to) && close($to) && rename $draft, $name;
  unlink $draft; return 0;
}
while ($at < length $in) {
  my ($path, $word, $seen, $new) = (field(), field(), field(), field());
  my @texts = (bytes($seen), bytes($new));
  print eval { step($path, $word, @texts) } ? "1" : "0";
}`;

/** The shell program that takes over what a person changed; its input is made by `syncInput`, its answer a digit a step. */
export function syncProgram(perl: string, checkout: string): string {
  return `exec ${quote(perl)} -e ${quote(PERL)} -- ${quote(checkout)}`;
}

export function syncInput(steps: readonly SyncStep[]): Buffer {
  return Buffer.concat(
    steps.flatMap(({ path, seen, content, executable }) => {
      const word = content === null ? "d" : executable ? "x" : "-";
      const bytes = content ?? Buffer.alloc(0);
      const head = `\0${word}\0${seen.length}\0${bytes.length}\0`;
      return [path, Buffer.from(head, "latin1"), seen, bytes];
    }),
  );
}
