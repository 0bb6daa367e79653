#!/usr/bin/perl
# Verifies messages with Mail::DKIM: dkim_perl.pl RECORDS MESSAGES
# RECORDS: lines of name, tab, TXT. MESSAGES: the size in decimal, a line feed, the octets; and again. One
# line out for each message: selector=result of every signature. Ed25519 is "invalid" to it.
use strict;
use warnings;
use Mail::DKIM::Verifier;
use Net::DNS;

my ($records_file, $messages_file) = @ARGV;
my %records;
open(my $records, '<', $records_file) or die "$records_file: $!";
while (my $line = <$records>) {
    chomp $line;
    my ($name, $text) = split(/\t/, $line, 2);
    $records{lc $name} = $text;
}

{
    no warnings 'redefine';
    *Mail::DKIM::DNS::query = sub {
        my ($name, $type) = @_;
        my $text = $records{lc $name};
        $@ = '';
        return () unless defined $text && $type eq 'TXT';
        my @strings = unpack('(a255)*', $text);
        return (Net::DNS::RR->new(name => $name, type => 'TXT', txtdata => \@strings));
    };
}

open(my $messages, '<:raw', $messages_file) or die "$messages_file: $!";
while (my $size = <$messages>) {
    my $message = '';
    read($messages, $message, $size) == $size or die 'cut short';
    my $verifier = Mail::DKIM::Verifier->new();
    $verifier->PRINT($message);
    $verifier->CLOSE;
    print join(' ', map { ($_->selector // '') . '=' . ($_->result // '') } $verifier->signatures), "\n";
}
