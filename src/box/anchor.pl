# Keeps signed heads as commits of a repository of the person's, and reads them, in a sandbox: /repo is its git folder.
# Plumbing alone, which runs no filter and asks nobody; hooks are off, and there is no network for what else a configuration names.
#
#   put GIT REF    the input -> a commit on REF with it as message and no files; REF is made where there is none
#   read GIT REF   what the commits of REF say, the newest first
use strict;
use warnings;

my ($mode, $git, $ref) = @ARGV;
@ARGV = ();
my $COMMITS_MAX = 100_000;
%ENV = (PATH => "/usr/bin:/bin", LC_ALL => "C", HOME => "/nonexistent", GIT_DIR => "/repo", GIT_CONFIG_NOSYSTEM => "1",
    GIT_CONFIG_GLOBAL => "/dev/null", GIT_ATTR_NOSYSTEM => "1", GIT_OPTIONAL_LOCKS => "0", GIT_GRAFT_FILE => "/dev/null",
    GIT_NO_REPLACE_OBJECTS => "1", GIT_NO_LAZY_FETCH => "1", GIT_TERMINAL_PROMPT => "0", GIT_PAGER => "cat",
    map({ ("GIT_${_}_NAME" => "ringfence", "GIT_${_}_EMAIL" => "ringfence\@localhost") } qw(AUTHOR COMMITTER)));
my @git = ($git, map({ ("-c", $_) } qw(core.hooksPath=/dev/null core.fsmonitor=false core.fsync=all gc.auto=0
    i18n.commitEncoding=UTF-8 i18n.logOutputEncoding=UTF-8 log.showSignature=false)));
binmode STDOUT;

my %run = (put => \&put, read => \&read_all);
($run{$mode} // die "unknown mode\n")->();
close STDOUT or die "output: $!\n";

sub put {
    my $old = ask("rev-parse", "-q", "--verify", "$ref^{commit}");
    my $empty = ask("hash-object", "-w", "-t", "tree", "--no-filters", "/dev/null") || die "git cannot write to it\n";
    # On a branch of somebody's work such a commit would take away every file.
    $old eq "" || ask("rev-parse", "-q", "--verify", "$ref^{tree}") eq $empty or die "$ref holds something else than heads\n";
    my $new = ask("commit-tree", $empty, $old eq "" ? () : ("-p", $old)) || die "git made no commit\n";
    # Never over what another session put there meanwhile.
    system(@git, "update-ref", "--no-deref", $ref, $new, $old || "0" x length $new) == 0 or die "$ref did not move\n";
}

sub read_all { exec @git, "rev-list", "--max-count=$COMMITS_MAX", "--format=%B", $ref, "--" or die "git: $!\n" }

# What git answers, "" where it fails; its input is ours.
sub ask {
    open my $out, "-|", @git, @_ or die "git: $!\n";
    my $line = <$out> // "";
    chomp $line;
    return close $out ? $line : "";
}
