# Writes an HTML page as Markdown. Runs in a sandbox that sees nothing else; no script of the page is run, nothing loaded.
#
# input    argument: the page's address; standard input: the page, in UTF-8
# output   Markdown, in UTF-8
use strict;
use warnings;

my ($base) = @ARGV;
@ARGV = ();
binmode STDIN;
binmode STDOUT;
my $html = do { local $/; <STDIN> } // "";

my $OUTPUT_BYTES_MAX = 400_000;
my ($TAG_BYTES, $TAG_BYTES_MAX) = (256, 16_384);
my ($TEXT_BYTES_MAX, $BLOCK_BYTES_MAX, $PRE_BYTES_MAX, $CELL_BYTES_MAX, $CELLS_MAX) = (8000, 50_000, 200_000, 5000, 100);
my $ADDRESS_BYTES_MAX = 500;
my $DEPTH_MAX = 12;
my %VOID = map { $_ => 1 } qw(area base br col embed hr img input link meta source track wbr);
# Of no use to a reader, or shown to none.
my %SKIPPED = map { $_ => 1 } qw(script style noscript template svg math iframe object canvas audio video select textarea);
# Whatever stands in these is text up to their own end, tags included.
my %RAW = map { $_ => 1 } qw(script style textarea title iframe noscript);
my %BLOCK = map { $_ => 1 } qw(address article aside blockquote body dd details dialog div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hr html li main nav ol p pre section summary table tbody td tfoot th thead tr ul);
my %MARK = (b => "**", strong => "**", i => "*", em => "*", code => "`", kbd => "`", samp => "`", del => "~~", s => "~~");
my %ENTITY = (amp => 38, lt => 60, gt => 62, quot => 34, apos => 39, nbsp => 160, copy => 169, reg => 174, deg => 176,
    laquo => 171, raquo => 187, middot => 183, para => 182, sect => 167, times => 215, divide => 247, plusmn => 177,
    frac12 => 189, micro => 181, pound => 163, yen => 165, cent => 162, euro => 8364, ndash => 8211, mdash => 8212,
    lsquo => 8216, rsquo => 8217, sbquo => 8218, ldquo => 8220, rdquo => 8221, bdquo => 8222, bull => 8226,
    hellip => 8230, trade => 8482, larr => 8592, uarr => 8593, rarr => 8594, darr => 8595, harr => 8596, minus => 8722,
    ne => 8800, le => 8804, ge => 8805, infin => 8734, asymp => 8776, check => 10003, shy => 173, thinsp => 8201,
    ensp => 8194, emsp => 8195, zwj => 8205, zwnj => 8204, auml => 228, ouml => 246, uuml => 252, Auml => 196,
    Ouml => 214, Uuml => 220, szlig => 223, agrave => 224, aacute => 225, acirc => 226, aring => 229, aelig => 230,
    ccedil => 231, egrave => 232, eacute => 233, ecirc => 234, euml => 235, iacute => 237, ntilde => 241, oacute => 243,
    ocirc => 244, oslash => 248, uacute => 250);

my ($out, $title, $has_heading) = ("", "", 0);
# The words of a block as they come, what its first row begins with, and what holds it: quotes and lists.
my ($line, $marker, $heading, $quotes, @lists) = ("", "", 0, 0);
my ($is_pre, $pre, $language) = (0, "", "");
my (@links, @row, $cell, $rows);

parse();
flush_block();
$title = squeeze(decode($title));
$out = "# $title\n\n$out" if $title ne "" && !$has_heading;
$out =~ s/\n{3,}/\n\n/g;
$out =~ s/\A\n+|\n+\z//g;
print substr($out, 0, $OUTPUT_BYTES_MAX), "\n";
close STDOUT or die "output: $!\n";

sub parse {
    while (1) {
        return if length $out > $OUTPUT_BYTES_MAX;
        # In pieces, at a space where there is one.
        if ($html =~ /\G([^<]{1,$TEXT_BYTES_MAX}(?=[\s<])|[^<]{1,$TEXT_BYTES_MAX})/gc) { text($1) }
        elsif ($html =~ /\G<!--/gc) { $html =~ /\G.*?--!?>/gcs or return }
        elsif ($html =~ /\G<!\[CDATA\[/gc) { $html =~ /\G.*?\]\]>/gcs or return }
        elsif ($html =~ /\G<[!?]/gc) { $html =~ /\G[^>]*>/gc or return }
        elsif ($html =~ m{\G<(?=/?[a-zA-Z])}gc) {
            # In a small window first: nearly every tag fits, and a tag without an end must not cost the whole page.
            read_tag($TAG_BYTES) || read_tag($TAG_BYTES_MAX) || $html =~ /\G[^<>]*>?/gc;
        }
        elsif ($html =~ /\G</gc) { text("<") }
        else { return }
    }
}

sub read_tag {
    my ($bytes) = @_;
    my $head = substr $html, pos($html), $bytes;
    $head =~ m{\A(/?)([a-zA-Z][a-zA-Z0-9:-]*)((?:[^>"']++|"[^"]*+"|'[^']*+')*+)>} or return 0;
    my ($is_end, $name, $attributes) = ($1 ne "", lc $2, $3);
    pos($html) += $+[0];
    tag($is_end, $name, $attributes);
    return 1;
}

sub tag {
    my ($is_end, $name, $attributes) = @_;
    if (!$is_end && ($SKIPPED{$name} || is_hidden($name, $attributes))) { return skip($name, $attributes) }
    if (!$is_end && $name eq "title") {
        my $text = raw($name);
        $title = substr $text, 0, 1000 if $title eq "";
        return;
    }
    if ($name eq "base" && !$is_end) {
        my $href = attribute($attributes, "href");
        $base = address($href) if $href =~ m{\Ahttps?://}i;
    }
    flush_block() if $BLOCK{$name} && !($is_pre && $name ne "pre");
    if ($name eq "br") { $is_pre ? $pre .= "\n" : ($line .= "\n") }
    elsif ($name eq "hr") { emit("---") }
    elsif ($name eq "pre") { $is_end ? end_pre() : begin_pre($attributes) }
    elsif ($is_pre) { $language = language($attributes) if $name eq "code" && !$is_end && $language eq "" }
    elsif ($name =~ /\Ah([1-6])\z/) { $heading = $is_end ? 0 : $1 }
    elsif ($name eq "blockquote") { $quotes += $is_end ? -1 : 1; $quotes = 0 if $quotes < 0 }
    elsif ($name eq "ul" || $name eq "ol") {
        if ($is_end) { pop @lists; $out .= "\n" if !@lists }
        elsif (@lists < $DEPTH_MAX) { push @lists, { ordered => $name eq "ol", count => 0 } }
    }
    elsif ($name eq "li") { $marker = $is_end ? "" : marker() }
    elsif ($name eq "dt") { $line .= "**" }
    elsif ($name eq "dd" && !$is_end) { $line .= ": " }
    elsif ($name eq "table") { $rows = $is_end ? undef : 0; undef $cell; $out .= "\n" if $is_end }
    elsif (defined $rows && ($name eq "td" || $name eq "th")) { cell($is_end) }
    elsif (defined $rows && $name eq "tr") { $is_end ? end_row() : (@row = ()) }
    elsif ($name eq "a") { $is_end ? end_link() : begin_link($attributes) }
    elsif ($name eq "img" && !$is_end) { image($attributes) }
    elsif ($MARK{$name}) { mark($MARK{$name}, $is_end) }
    elsif ($name eq "sup" && !$is_end) { $line .= "^" }
}

# An element is over at its own end, those of its name in it counted; one without an end takes the rest with it.
sub skip {
    my ($name, $attributes) = @_;
    return if $VOID{$name} || $attributes =~ m{/\z};
    return raw($name) if $RAW{$name};
    my $depth = 1;
    while ($html =~ m{<(/?)\Q$name\E(?=[\s/>])}gci) {
        $depth += $1 eq "" ? 1 : -1;
        last if $depth == 0;
    }
    if ($depth > 0) { pos($html) = length $html }
    else { $html =~ /\G[^>]*>/gc }
}

sub raw {
    my ($name) = @_;
    my $from = pos $html;
    if ($html =~ m{</\Q$name\E(?=[\s/>])}gci) {
        my $text = substr $html, $from, $-[0] - $from;
        $html =~ /\G[^>]*>/gc;
        return $text;
    }
    pos($html) = length $html;
    return substr $html, $from;
}

# What a reader would not see is a place for words to a model.
sub is_hidden {
    my ($name, $attributes) = @_;
    return 0 if $VOID{$name} || $name eq "html" || $name eq "body" || $attributes eq "";
    return 1 if $attributes =~ /(?:\A|\s)hidden(?:[\s=\/]|\z)/i && attribute($attributes, "hidden") !~ /until-found/i;
    my $style = attribute($attributes, "style");
    return $style =~ /(?:display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?:\.0*)?\s*(?:;|\z)|font-size\s*:\s*0)/i ? 1 : 0;
}

sub text {
    my ($text) = @_;
    $text = decode($text);
    if ($is_pre) { $pre .= $text if length $pre < $PRE_BYTES_MAX }
    else { $line .= $text =~ s/[ \t\r\n\f]+/ /gr }
    flush_block() if length $line > $BLOCK_BYTES_MAX;
}

sub flush_block {
    return if $is_pre || $line eq "";
    my $text = $line;
    $line = "";
    @links = ();
    $text =~ s/\*\*\s*\*\*//g;
    my @texts = grep { $_ ne "" } map { squeeze($_) } split /\n/, $text;
    return if !@texts;
    if (defined $cell) {
        $cell .= ($cell eq "" ? "" : " ") . join " ", @texts if length $cell < $CELL_BYTES_MAX;
        return;
    }
    if ($heading) {
        $has_heading = 1 if $heading == 1;
        return emit(("#" x $heading) . " " . join " ", @texts);
    }
    emit(@texts);
}

# Writes rows of one block, under the quotes and lists that hold it.
sub emit {
    my (@texts) = @_;
    my $quote = "> " x ($quotes > $DEPTH_MAX ? $DEPTH_MAX : $quotes);
    my $depth = @lists;
    my $indent = "  " x ($depth > 0 ? $depth - 1 : 0);
    my $first = $quote . $indent . ($marker ne "" ? $marker : $depth > 0 ? "  " : "");
    my $rest = $quote . $indent . ($depth > 0 ? "  " : "");
    my $is_item = $marker ne "";
    $marker = "";
    # Items stand close together, every other block is set apart.
    $out .= "\n" if !$is_item && $out ne "" && substr($out, -2) ne "\n\n";
    $out .= $first . shift(@texts) . "\n";
    $out .= "$rest$_\n" for @texts;
    $out .= "\n" if !$is_item && $depth == 0;
}

sub marker {
    return "- " if !@lists;
    my $list = $lists[-1];
    $list->{count} += 1;
    return $list->{ordered} ? "$list->{count}. " : "- ";
}

sub begin_pre {
    my ($attributes) = @_;
    ($is_pre, $pre, $language) = (1, "", language($attributes));
}

sub end_pre {
    return if !$is_pre;
    $is_pre = 0;
    $pre =~ s/\r\n?/\n/g;
    $pre =~ s/\A\n|\s+\z//g;
    my $longest = 2;
    while ($pre =~ /(`+)/g) { $longest = length $1 if length $1 > $longest }
    my $fence = "`" x ($longest + 1);
    emit("$fence$language", split(/\n/, $pre), $fence) if $pre ne "";
    ($pre, $language) = ("", "");
}

sub language {
    my ($attributes) = @_;
    return attribute($attributes, "class") =~ /(?:\A|\s)(?:language|lang|highlight-source)-([a-z0-9+#-]{1,20})(?:\s|\z)/i ? $1 : "";
}

sub cell {
    my ($is_end) = @_;
    push @row, $cell if defined $cell && @row < $CELLS_MAX;
    $cell = $is_end ? undef : "";
}

sub end_row {
    push @row, $cell if defined $cell;
    undef $cell;
    return if !@row;
    my @texts = map { s/\|/\\|/gr } splice @row;
    $out .= "\n" if $rows == 0 && $out ne "" && substr($out, -2) ne "\n\n";
    $out .= "| " . join(" | ", @texts) . " |\n";
    $out .= "|" . (" --- |" x @texts) . "\n" if $rows == 0;
    $rows += 1;
}

sub begin_link {
    my ($attributes) = @_;
    push @links, [length $line, address(attribute($attributes, "href"))] if @links < 100;
}

sub end_link {
    my $link = pop @links or return;
    my ($from, $to) = @$link;
    return if $from > length $line;
    my $text = squeeze(substr($line, $from) =~ s/\n/ /gr);
    return if $text eq "" || $to eq "";
    my $space = substr($line, $from) =~ /\A\s/ ? " " : "";
    substr($line, $from) = "$space\[$text]($to)";
}

sub image {
    my ($attributes) = @_;
    my ($text, $to) = (squeeze(attribute($attributes, "alt")), address(attribute($attributes, "src")));
    $line .= $to eq "" ? "![$text]" : "![$text]($to)" if $text ne "";
}

sub mark {
    my ($sign, $is_end) = @_;
    # The space before an end belongs behind it.
    my $space = $is_end && $line =~ /\s\z/ ? chop $line : "";
    $line .= "$sign$space";
}

sub attribute {
    my ($attributes, $name) = @_;
    while ($attributes =~ m{([^\s=/"'>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?}g) {
        return decode($2 // $3 // $4 // "") if lc $1 eq $name;
    }
    return "";
}

# Resolves an address against the page's; "" for one that leads nowhere a request could go.
sub address {
    my ($to) = @_;
    $to =~ s/[\x00-\x20\x7f]+//g;
    return "" if $to eq "" || $to =~ /\A#/ || length $to > $ADDRESS_BYTES_MAX;
    $to =~ s/([ ()<>])/sprintf "%%%02X", ord $1/ge;
    return $to if $to =~ m{\A(?:https?://|mailto:)}i;
    return "" if $to =~ /\A[a-z][a-z0-9+.-]*:/i;
    my ($scheme, $host, $path) = $base =~ m{\A(https?:)(//[^/?#]*)([^?#]*)}i or return "";
    return "$scheme$to" if $to =~ m{\A//};
    return "$scheme$host$to" if $to =~ m{\A/};
    return "$scheme$host$path$to" if $to =~ /\A\?/;
    $path =~ s{[^/]*\z}{};
    my ($file, $query) = $to =~ /\A([^?#]*)(.*)\z/s;
    my @parts;
    for my $part (split m{/}, ($path eq "" ? "/" : $path) . $file, -1) {
        if ($part eq "..") { pop @parts if @parts > 1 }
        elsif ($part ne ".") { push @parts, $part }
    }
    return $scheme . $host . join("/", @parts) . $query;
}

sub squeeze {
    my ($text) = @_;
    $text =~ s/(?:[ \t\r\n\f]|\xc2\xa0)+/ /g;
    $text =~ s/\A | \z//g;
    return $text;
}

sub decode {
    my ($text) = @_;
    $text =~ s{&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z][a-zA-Z0-9]{1,31}));?}{
        my $whole = $&;
        my $code = defined $1 ? $1 : defined $2 ? hex $2 : $ENTITY{$3};
        defined $code && $code > 0 && $code < 0x110000 && !($code >= 0xd800 && $code < 0xe000) ? utf8_of($code) : $whole
    }ge;
    return $text;
}

sub utf8_of {
    my $char = chr $_[0];
    utf8::encode($char);
    return $char;
}
