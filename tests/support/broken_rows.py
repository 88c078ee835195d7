"""The broken servers, each a row: (name, what it does, the key of the finding)."""

from __future__ import annotations

import errno

from support.broken_servers import CLOSE, HOST, RESET, SILENCE, Broken, Slow, and_lines, with_lines, without

BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
WELCOME = b"220 mx.broken.example ESMTP\r\n"
SMALL = "SIZE 65536"
LISTED = b"554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using zen.spamhaus.org\r\n"


def at(command: str, reply: bytes | str | Slow) -> dict[str, bytes | str | Slow]:
    """Everything is ordinary but the answer to one command."""
    return {command: reply}


def no(name: str, key: str, number: int) -> Broken:
    """A port that cannot be connected to."""
    return Broken(name=name, key=key, way=number)


UNKNOWN = b"500 5.5.1 Unknown command\r\n"
LMTP = {"EHLO": UNKNOWN, "HELO": UNKNOWN, "LHLO": b"250-mx.broken.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n"}


REACH = (
    no("nothing listens", "connection-refused", errno.ECONNREFUSED),
    no("filtered while others answer", "port-25-filtered", 0),
    no("reset behind the handshake", "reset-at-once", errno.ECONNRESET),
    no("one port rejected as if there were no route", "connection-prohibited", errno.ENETUNREACH),
    no("one port rejected by protocol unreachable", "connection-prohibited", errno.ENOPROTOOPT),
    Broken(name="no route", key="network-unreachable", way=errno.ENETUNREACH, port=2526, to=HOST),
    Broken(name="host unreachable", key="host-unreachable", way=errno.EHOSTUNREACH, port=2526, to=HOST),
    no("prohibited", "connection-prohibited", errno.EACCES),
    no("some other failure", "connection-failed", errno.EMFILE),
    Broken(name="dropped on the only port", key="connection-dropped", way=0, port=2526, to=HOST),
    Broken(name="says nothing", key="silent", says=at("", SILENCE) | at("*", SILENCE) | at("HELP", SILENCE)),
    Broken(name="hangs up at once", key="closed-at-once", says=at("", CLOSE)),
    Broken(name="resets at once", key="reset-at-once", says=at("", RESET)),
    Broken(name="TLS on port 25", key="tls-on-plain-port", implicit_tls=True),
    Broken(name="plain on port 465", key="plain-on-tls-port", port=465),
    Broken(name="silence on port 465", key="no-tls-on-tls-port", port=465, says=at("", CLOSE)),
    Broken(name="a web server", key="http-on-mail-port", says=at("", SILENCE) | at("*", BAD) | at("HELP", BAD)),
    Broken(name="an SSH server", key="ssh-on-mail-port", says=at("", b"SSH-2.0-OpenSSH_9.2p1\r\n")),
    Broken(name="an IMAP server", key="imap-on-mail-port", says=at("", b"* OK IMAP4rev1 ready\r\n")),
    Broken(name="a POP3 server", key="pop3-on-mail-port", says=at("", b"+OK POP3 ready\r\n")),
    Broken(name="an FTP server", key="ftp-on-mail-port", says=at("", b"220 ProFTPD FTP server\r\n")),
    Broken(name="some other protocol", key="other-protocol", says=at("", b"\x00\x00\x00\x0ahello\r\n")),
    Broken(name="submission alone", key="submission-only", port=587, to=HOST),
)

GREETING = (
    Broken(name="too busy", key="greeting-busy", says=at("", b"421 4.3.2 mx.broken.example too many connections\r\n")),
    Broken(name="access denied", key="greeting-refused", says=at("", b"554 5.7.1 mx.broken.example no SMTP service for you\r\n")),
    Broken(name="blocked at the door", key="greeting-client-blocked", says=at("", b"554 5.7.1 [192.0.2.9] is on a block list\r\n")),
    Broken(name="takes no mail", key="greeting-no-mail-host", says=at("", b"521 mx.broken.example takes no mail\r\n")),
    Broken(name="250 as a greeting", key="greeting-odd-code", says=at("", b"250 mx.broken.example hello\r\n")),
    Broken(name="no code", key="greeting-no-code", says=at("", b"Welcome to our SMTP server\r\n")),
    Broken(name="no code in the second line", key="greeting-no-code", says=at("", b"220-mx.broken.example\r\nnews\r\n220 ready\r\n")),
    Broken(name="a code of another world", key="greeting-bad-code", says=at("", b"120 mx.broken.example soon\r\n")),
    Broken(name="code and text in one", key="greeting-no-space", says=at("", b"220mx.broken.example\r\n")),
    Broken(name="codes that differ", key="greeting-mixed-codes", says=at("", b"220-mx.broken.example\r\n250 ready\r\n")),
    Broken(name="LF alone", key="greeting-bare-lf", says=at("", b"220 mx.broken.example ESMTP\n")),
    Broken(name="a very long line", key="greeting-too-long", says=at("", b"220 mx.broken.example " + b"x" * 600 + b"\r\n")),
    Broken(name="letters of Latin-1", key="greeting-not-ascii", says=at("", b"220 mx.broken.example gr\xfc\xdf dich\r\n")),
    Broken(name="a bell", key="greeting-control", says=at("", b"220 mx.broken.example \x07ding\r\n")),
    Broken(name="a greeting without end", key="greeting-unfinished", says=at("", b"220-mx.broken.example\r\n220-more\r\n")),
    Broken(name="asterisks of a firewall", key="greeting-masked", says=at("", b"220 ****************************2***\r\n")),
    Broken(name="no name", key="greeting-no-name", says=at("", b"220 <<< welcome >>>\r\n")),
    Broken(name="a code alone", key="greeting-no-name", says=at("", b"220\r\n")),
    Broken(name="localhost", key="greeting-not-qualified", says=at("", b"220 localhost.localdomain ESMTP\r\n")),
    Broken(name="a name without a dot", key="greeting-not-qualified", says=at("", b"220 mailserver ESMTP\r\n")),
    Broken(name="a name that nobody knows", key="greeting-name-unresolved", says=at("", b"220 mx.nowhere.example ESMTP\r\n")),
    Broken(name="several lines", key="greeting-multi-line", says=at("", b"220-mx.broken.example\r\n220 ready\r\n")),
    Broken(name="a trap for early talkers", key="greeting-teaser", says=at("", Slow(b"220-mx.broken.example\r\n", 1.05, WELCOME))),
    Broken(name="a version", key="greeting-version", says=at("", b"220 mx.broken.example ESMTP Exim 4.94.2\r\n")),
)

DIALOGUE = (
    Broken(name="EHLO unknown", key="helo-only", says=at("EHLO", b"500 5.5.1 What?\r\n")),
    Broken(name="no answer to EHLO", key="ehlo-unanswered", says=at("EHLO", SILENCE)),
    Broken(name="hangs up at EHLO", key="ehlo-closed", says=at("EHLO", CLOSE)),
    Broken(name="busy at EHLO", key="ehlo-busy", says=at("EHLO", b"421 4.7.0 closing\r\n") | at("HELO", b"421 4.7.0 closing\r\n")),
    Broken(name="LMTP where SMTP belongs", key="lmtp-on-mail-port", says=LMTP),
    Broken(name="LMTP", key="lmtp-spoken", port=2424, to=HOST, says=LMTP),
    Broken(name="EHLO and HELO refused", key="ehlo-refused", says=at("EHLO", b"550 5.7.1 name\r\n") | at("HELO", b"550 5.7.1 name\r\n")),
    Broken(name="blocked at EHLO", key="client-blocked", says=at("EHLO", LISTED) | at("HELO", LISTED)),
    Broken(name="HELP without code", key="reply-no-code", says=at("HELP", b"help yourself\r\n")),
    Broken(name="EXPN by 999", key="reply-bad-code", says=at("EXPN", b"999 no\r\n")),
    Broken(name="VRFY without blank", key="reply-no-space", says=at("VRFY", b"252_cannot\r\n")),
    Broken(name="HELP of two minds", key="reply-mixed-codes", says=at("HELP", b"214-one\r\n502 two\r\n")),
    Broken(name="HELP with LF", key="reply-bare-lf", says=at("HELP", b"214 2.0.0 help\n")),
    Broken(name="HELP too long", key="reply-too-long", says=at("HELP", b"214 " + b"y" * 700 + b"\r\n")),
    Broken(name="HELP in Latin-1", key="reply-not-ascii", says=at("HELP", b"214 caf\xe9\r\n")),
    Broken(name="HELP with NUL", key="reply-control", says=at("HELP", b"214 a\x00b\r\n")),
    Broken(name="HELP without end", key="reply-unfinished", says=at("HELP", b"214-one\r\n214-two\r\n")),
    Broken(name="enhanced code of another class", key="enhanced-mismatch", says=at("EXPN", b"502 4.5.1 no\r\n")),
    Broken(name="taken with the code of a refusal", key="enhanced-mismatch", says=at("RCPT TO:<POSTMASTER", b"250 5.1.1 taken\r\n")),
    Broken(name="a sender taken with a code that is none", key="enhanced-malformed", says=at("MAIL", b"250 2.1.05 taken\r\n")),
    Broken(name="half an enhanced code", key="enhanced-malformed", says=at("EXPN", b"502 5.5 no\r\n")),
    Broken(name="an enhanced code of its own", key="enhanced-unregistered", says=at("EXPN", b"502 5.9.99 no\r\n")),
    Broken(name="no enhanced code", key="enhanced-missing", says=at("EXPN", b"502 no\r\n")),
    Broken(name="HELP by 250", key="help-odd-code", says=at("HELP", b"250 2.0.0 help\r\n")),
    Broken(name="HELP names STARTTLS", key="help-differs", says=at("HELP", b"214 2.0.0 EHLO STARTTLS MAIL\r\n")),
    Broken(name="HELP promised", key="help-promised", says=at("HELP", b"502 5.5.1 no\r\n")),
    Broken(name="HELP unknown", key="help-refused", says=at("HELP", b"502 5.5.1 no\r\n") | at("EHLO", without("HELP"))),
    Broken(name="hangs up at what it does not know", key="unknown-command-closes", says=at("*", CLOSE)),
    Broken(name="says nothing to what it does not know", key="unknown-command-unanswered", says=at("*", SILENCE)),
    Broken(name="knows everything", key="unknown-command-accepted", says=at("*", b"250 2.0.0 sure\r\n")),
    Broken(name="550 to what it does not know", key="unknown-command-odd", says=at("*", b"550 5.5.1 no\r\n")),
    Broken(
        name="VRFY tells",
        key="vrfy-tells",
        says=at("VRFY", b"550 5.1.1 no\r\n") | at("VRFY POSTMASTER", b"250 2.1.5 <p@broken.example>\r\n"),
    ),
    Broken(name="VRFY says yes", key="vrfy-says-yes", says=at("VRFY", b"250 2.1.5 fine\r\n")),
    Broken(name="EXPN tells", key="expn-tells", says=at("EXPN", b"250 2.1.5 Ada <ada@broken.example>\r\n")),
    Broken(name="drops pipelined commands", key="pipelining-broken", whole_lines=True),
    Broken(
        name="STARTTLS under TLS", key="starttls-twice", says=at("EHLO", and_lines("STARTTLS")) | at("STARTTLS", b"220 2.0.0 Go on\r\n")
    ),
    Broken(name="hangs up at QUIT", key="quit-unanswered", says=at("QUIT", CLOSE)),
    Broken(name="slow to those who err", key="errors-slowed", says=at("*", Slow(b"", 0.5, b"500 5.5.1 What?\r\n"))),
    Broken(name="no content for a probe", key="smuggling-untried", says=at("RCPT TO:<POSTMASTER", b"550 5.1.1 no\r\n"), intrusive=True),
    Broken(
        name="relays for nobody's sender",
        key="open-relay",
        says=at("MAIL FROM:<RELAY", b"553 5.1.8 no such domain\r\n") | at("RCPT", b"250 2.1.5 sure\r\n"),
        intrusive=True,
    ),
    Broken(name="says nothing to HELP", key="command-unanswered", says=at("HELP", SILENCE)),
    Broken(name="leaves at VRFY", key="dialogue-closed", says=at("VRFY", CLOSE)),
    Broken(name="no extensions", key="extensions-missing", says=at("EHLO", with_lines("HELP"))),
    Broken(name="an unknown extension", key="extension-unknown", says=at("EHLO", and_lines("XWHATEVER 7"))),
    Broken(name="prose in EHLO", key="extension-malformed", says=at("EHLO", and_lines("*** welcome to us ***"))),
    Broken(name="SIZE twice", key="extension-repeated", says=at("EHLO", and_lines("SIZE 10"))),
    Broken(name="AUTH with an equals sign", key="auth-old-form", says=at("EHLO", and_lines("AUTH=LOGIN"))),
    Broken(name="SIZE in words", key="size-malformed", says=at("EHLO", with_lines("SIZE 50MB"))),
    Broken(name="SIZE without limit", key="size-unlimited", says=at("EHLO", with_lines("SIZE 0"))),
    Broken(name="SIZE of a floppy", key="size-small", says=at("EHLO", with_lines(SMALL))),
    Broken(name="XCLIENT for all", key="client-may-lie", says=at("EHLO", and_lines("XCLIENT ADDR NAME"))),
    Broken(name="TURN for all", key="turn-offered", says=at("EHLO", and_lines("TURN"))),
    Broken(name="AUTH before TLS", key="auth-in-clear", says=at("EHLO", and_lines("AUTH PLAIN LOGIN"))),
    Broken(name="submission for all", key="submission-without-auth", port=587),
    Broken(name="obeys LF", key="bare-lf-command", intrusive=True, lf_commands=True),
    Broken(name="LF . LF ends content", key="smuggling-possible", intrusive=True, ends=(b"\r\n.\r\n", b"\n.\n")),
    Broken(name="LF . CR LF ends content", key="smuggling-possible", intrusive=True, ends=(b"\n.\r\n",)),
)

ADA = "ada@broken.example"
OWN_WORDS = b"550 5.7.1 [192.0.2.9] The IP you are using to send mail is not authorized to send directly\r\n"
TLS_FIRST = b"530 5.7.0 Must issue a STARTTLS command first\r\n"
MAILBOX = (
    Broken(name="no postmaster", key="postmaster-refused", says=at("RCPT TO:<POSTMASTER", b"550 5.1.1 no\r\n")),
    Broken(name="postmaster later", key="postmaster-deferred", says=at("RCPT TO:<POSTMASTER", b"450 4.2.1 later\r\n")),
    Broken(name="no such mailbox", key="mailbox-refused", to="bob@broken.example"),
    Broken(name="mailbox later", key="mailbox-deferred", to=ADA, says=at("RCPT TO:<ADA", b"452 4.2.2 over quota\r\n")),
    Broken(name="greylisted", key="greylisted", to=ADA, says=at("RCPT TO:<ADA", b"450 4.7.1 Greylisted, please try again later\r\n")),
    Broken(name="any mailbox", key="any-mailbox-accepted", to=ADA, says=at("RCPT", b"250 2.1.5 sure\r\n")),
    Broken(name="no UTF-8", key="mailbox-needs-utf8", to="j\u00fcrgen@broken.example"),
    Broken(name="no bounces", key="null-sender-refused", says=at("MAIL", b"550 5.7.1 empty sender\r\n")),
    Broken(name="bounces later", key="sender-deferred", says=at("MAIL", b"450 4.1.8 later\r\n")),
    Broken(name="no answer to MAIL", key="mail-unanswered", says=at("MAIL", SILENCE)),
    Broken(name="no answer to RCPT", key="rcpt-unanswered", says=at("RCPT TO:<POSTMASTER", SILENCE)),
    Broken(name="wants a login", key="account-needed", port=2526, to=HOST, says=at("MAIL", b"530 5.7.0 Authentication required\r\n")),
    Broken(name="wants a login of other servers", key="account-demanded", says=at("MAIL", b"530 5.7.0 Authentication required\r\n")),
    Broken(name="its domain is not its own", key="domain-not-served", says=at("RCPT TO:<POSTMASTER", b"554 5.7.1 Relay access denied\r\n")),
    Broken(name="its disk is full", key="server-trouble", says=at("MAIL", b"452 4.3.1 Insufficient system storage\r\n")),
    Broken(name="its tables are gone", key="server-trouble", says=at("RCPT TO:<POSTMASTER", b"451 4.3.0 Temporary lookup failure\r\n")),
    Broken(name="SPF of the sender", key="rule-refused", says=at("RCPT TO:<POSTMASTER", b"550 5.7.23 SPF validation failed\r\n")),
    Broken(name="blocked in its own words", key="client-blocked", says=at("RCPT TO:<POSTMASTER", OWN_WORDS)),
    Broken(name="blocked at MAIL", key="client-blocked", says=at("MAIL", LISTED)),
    Broken(name="blocked at RCPT", key="client-blocked", to=ADA, says=at("RCPT TO:<POSTMASTER", LISTED)),
    Broken(
        name="no reverse name",
        key="client-blocked",
        says=at("RCPT TO:<POSTMASTER", b"450 4.7.25 Client host rejected: cannot find your hostname\r\n"),
    ),
    Broken(
        name="TLS or nothing",
        key="tls-demanded",
        says=at("EHLO", and_lines("STARTTLS")) | at("STARTTLS", b"220 2.0.0 Go on\r\n") | at("MAIL", TLS_FIRST),
    ),
    Broken(name="relays for all", key="open-relay", intrusive=True, says=at("RCPT", b"250 2.1.5 sure\r\n")),
    Broken(name="nowhere to log in", key="login-nowhere", account="ada", says=at("", CLOSE)),
    Broken(name="no TLS to log in", key="login-unsafe", account="ada"),
)

ROWS = (*REACH, *GREETING, *DIALOGUE, *MAILBOX)
