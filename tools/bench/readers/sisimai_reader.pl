# Read messages with Sisimai, a black box; one line of JSON for each path on standard input.
use strict;
use warnings;
use Time::HiRes qw(time);
use JSON::PP;
use Sisimai;

my $json = JSON::PP->new->canonical;
my @paths = map { chomp; $_ } <STDIN>;
my %other = map { $_ => 1 } qw(feedback vacation delivered);

sub read_one {
    my ($path) = @_;
    my $began = time;
    my $found = eval { Sisimai->make($path, 'delivered' => 1, 'vacation' => 1) };
    my $error = $@;
    my $taken = time - $began;
    my @bounces = grep { !$other{ $_->reason } } @{ $found // [] };
    my $row = { us => $taken * 1e6, bounce => @bounces ? \1 : \0, recipients => [ map { $_->recipient->address } @bounces ] };
    $row->{error} = 'died' if $error;
    return $row;
}

{
    local *STDERR;
    open STDERR, '>', '/dev/null';
    read_one($_) for @paths;
    print $json->encode(read_one($_)), "\n" for @paths;
}
