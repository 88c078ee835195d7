"""Mail that is no bounce, made in many kinds and languages: what people, desks, lists and machines send, some of it about bounces."""

# ruff: noqa: E501 - messages stand as they are sent, line by line

from __future__ import annotations

import base64
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Make = Callable[[random.Random, str, str, int], bytes]

PEOPLE = (
    "Ann Archer <ann@example.org>",
    "Bo Berg <bo.berg@example.net>",
    "=?utf-8?q?J=C3=BCrgen?= <juergen@example.de>",
    "李雷 <lilei@example.cn>",
    "Мария <maria@example.ru>",
    "postmaster-team lead <carla@example.com>",
)
QUOTED_BOUNCE = """> This is the mail system at host mx.example.net.
>
> I'm sorry to have to inform you that your message could not
> be delivered to one or more recipients. It's attached below.
>
> <info@example.com>: host mx.example.com[192.0.2.9] said: 550 5.1.1
>     <info@example.com>: Recipient address rejected: User unknown
"""
PASTED_BOUNCE = """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  sales@example.com
    SMTP error from remote mail server after RCPT TO:<sales@example.com>:
    host mx.example.com [192.0.2.1]: 550 5.1.1 User unknown

------ This is a copy of the message, including all the headers. ------

Return-path: <ann@example.org>
From: Ann Archer <ann@example.org>
To: sales@example.com
Subject: offer
"""
INNER_BOUNCE = """Return-Path: <>
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: ann@example.org
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="inner"

--inner
Content-Type: text/plain

<info@example.com>: host mx.example.com[192.0.2.9] said: 550 5.1.1 User unknown

--inner
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; info@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--inner--
"""

ABOUT = (
    ("Re: Undelivered Mail Returned to Sender", "Hi Ann,\n\nthat bounce means that the mailbox is gone. Ask them for another address.\n\nBo\n\n" + QUOTED_BOUNCE),
    ("Fwd: Mail delivery failed: returning message to sender", "See below, what does it want from me?\n\n---------- Forwarded message ---------\n" + PASTED_BOUNCE),
    ("Undeliverable parcels in May", "Dear all,\n\n12 parcels were undeliverable and could not be delivered to the addresses on the list. Details: parcels@example.com.\n"),
    ("WG: Unzustellbar: Angebot", "Hallo Jürgen,\n\ndie Mail konnte nicht zugestellt werden, weißt du warum?\n\n" + QUOTED_BOUNCE),
    ("How we cut our bounce rate by half", "Our hard bounces (550 5.1.1 user unknown) fell by half. Write to newsletter@example.com for the slides.\n"),
    ("Mail delivery failed: returning message to sender", "Hi Bo,\n\nI get this every day now, can you look?\n\n" + PASTED_BOUNCE),
    ("Delivery failed", "Good morning, the courier could not deliver your order 4711 to you. Please choose another date at https://example.com/o/4711\n"),
    ("Fwd: delivery failure", "Could you look?\n\nDelivery has failed to these recipients or groups:\n\nkim@example.com\nThe email address you entered couldn't be found.\n"),
    ("postfix: 550 5.1.1 when the alias is missing", "Hello list,\n\nthe server says\n\n  550 5.1.1 <kim@example.com>: Recipient address rejected: User unknown\n\nthough the alias exists. postconf -n is attached.\n"),
    ("Your account could not be verified", "We were unable to deliver a code to kim@example.com. Sign in to change the address.\n"),
    ("转发: 退信", "王工您好，\n\n昨天发给客户的邮件被退回了，提示 550 User not found，麻烦看一下。\n客户邮箱是 kim@example.cn\n"),
    ("Re: 配信不能のメールについて", "お世話になっております。\n\nkim@example.jp 宛のメールが配信できませんでした。別のアドレスを教えてください。\n"),
    ("отчет о недоставке", "Привет!\n\nПисьмо на kim@example.ru не доставлено, пришли другой адрес.\n"),
    ("No se pudo entregar el informe", "Hola,\n\nno se pudo entregar el informe a kim@example.es porque estaba de viaje.\n"),
)  # fmt: skip
PLAIN = (
    ("Lunch on Friday?", "Shall we say half past twelve at the usual place?\n"),
    ("Minutes of the meeting", "Please find the minutes attached. Corrections to office@example.org until Monday.\n"),
    ("Rechnung 2024-117", "Sehr geehrte Damen und Herren,\n\nanbei die Rechnung. Fragen an buchhaltung@example.de.\n"),
    ("会议通知", "各位同事：\n\n周五下午三点开会，请准时参加。有问题请联系 office@example.cn。\n"),
    ("新製品のご案内", "いつもお世話になっております。新製品のご案内です。お問い合わせは info@example.jp まで。\n"),
    ("[dev] build 1234 failed", "The build failed: test_550_reply expected 550 5.1.1, got 250 2.1.5.\nSee https://ci.example.com/1234\n"),
    ("Cron <root@db1> /usr/local/bin/backup", "backup: cannot connect to storage.example.com: connection refused\n"),
    ("Security alert", "A new sign-in to kim@example.com from 192.0.2.44. If this was not you, change the password.\n"),
    ("Your parcel will be delivered today", "Track it at https://example.com/t/1. Delivery to: Kim, kim@example.com\n"),
    ("Logwatch for mx1 (Linux)", "postfix: 3 bounced\n   550 5.1.1 <a@example.com>: user unknown   2 times\n   550 5.7.1 <b@example.com>: relaying denied  1 time\n"),
)  # fmt: skip
ANSWERS = (
    ("Automatic reply: offer", "I am out of the office until Monday. In urgent cases write to bo.berg@example.net.\n"),
    ("Out of Office: Re: invoice", "Thank you for your message. I am on vacation and will reply when I return. Contact: desk@example.org\n"),
    ("Abwesenheitsnotiz: Angebot", "Ich bin bis zum 5. Mai nicht im Büro. Vertretung: vertretung@example.de\n"),
    ("Réponse automatique : devis", "Je suis absent du bureau jusqu'au 5 mai. En cas d'urgence : accueil@example.fr\n"),
    ("Respuesta automática: consulta", "Estoy de vacaciones hasta el lunes. Escriba a mesa@example.es\n"),
    ("自动回复: 报价", "您好，我正在休假，5月5日回来后会尽快回复您。急事请联系 li@example.cn\n"),
    ("自動返信: お見積り", "お問い合わせいただきありがとうございます。担当者より折り返しご連絡いたします。desk@example.jp\n"),
    ("Автоответ: счет", "Я в отпуске до понедельника. По срочным вопросам: desk@example.ru\n"),
    ("[Ticket 4711] We have received your request", "Your request has been received and has been assigned number 4711. support@example.com\n"),
    ("Please confirm your message", "To have your message delivered to kim@example.com, please prove that you are human: https://example.com/c/1\n"),
    ("Kim no longer works here", "Kim has left the company. Please write to desk@example.com from now on. This address is no longer read.\n"),
    ("Your message to Talk awaits moderator approval", "Your mail to 'Talk' with the subject\n\n    offer\n\nIs being held until the list moderator can review it for approval.\n"),
)  # fmt: skip

MACHINES = (
    ("System Administrator <postmaster@example.net>", "Your mailbox is almost full", "Your mailbox kim@example.net is over its quota of 2 GB. You may not be able to send or receive mail. Delete something.\n"),
    ("Postmaster <postmaster@example.net>", "Mail delayed on Saturday", "Because of works on the storage, delivery will be delayed on Saturday night. Mail could not be delivered during the last works either. Questions: helpdesk@example.net\n"),
    ("Postmaster <postmaster@example.net>", "Re: Undelivered Mail Returned to Sender", "Dear Kim,\n\nthe mailbox bo@example.net does not exist any more, your message was rejected for that reason.\n\nRegards, the postmaster\n\n" + QUOTED_BOUNCE),
    ("postmaster@example.net", "Spam quarantine summary for kim@example.net", "The following messages were blocked:\n\nann@example.org\n    offer\nbo@example.com\n    win a prize\n\nRelease: https://example.net/q\n"),
    ("Mail System Internal Data <MAILER-DAEMON@example.net>", "DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA", "This text is part of the internal format of your mail folder, and is not\na real message.  It is created automatically by the mail system software.\n"),
    ("noreply-dmarc@example.com", "Report domain: example.net Submitter: example.com", "This is an aggregate report of example.com. Rejected messages: 3. Contact: dmarc@example.com\n"),
    ("Mailman <mailman-bounces@lists.example.net>", "Bounce action notification", "This is a Mailman mailing list bounce action notice:\n\n    List:       talk\n    Member:     kim@example.com\n    Action:     Subscription disabled.\n    Reason:     Excessive or fatal bounces.\n"),
    ("monitor@example.net", "CRITICAL: mail queue has 312 undelivered messages", "postqueue reports 312 undelivered messages, oldest for kim@example.com: connection timed out.\n"),
    ("Shop <noreply@shop.example.com>", "We could not deliver your order", "Dear Kim,\n\nyour order could not be delivered to the address that you gave. Reply to service@shop.example.com.\n"),
    ("Postmaster <postmaster@example.net>", "Welcome", "Welcome to your new mailbox kim@example.net. If mail cannot be delivered, write to helpdesk@example.net.\n"),
    ("Calendar <calendar@example.net>", "Declined: review", "bo@example.com has declined the invitation.\n"),
    ("Git <noreply@git.example.com>", "[mail] Undeliverable mail is not counted (#550)", "ann opened an issue:\n\nUndeliverable mail to kim@example.com is not counted, 550 5.1.1 is seen in the log.\n\n--\nReply to this email or view it at https://git.example.com/550\n"),
)  # fmt: skip
"""What programs send, some in the name of the postmaster."""


def _sent(sender: str, subject: str, text: str, path: str = "<>", more: str = "") -> bytes:
    """A message as it is."""
    return f"Return-Path: {path}\nFrom: {sender}\nTo: kim@example.net\nSubject: {subject}\n{more}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text}".encode()


CLOSE = (
    _sent("System Administrator <postmaster@example.net>","Your mailbox is full","Your mailbox has exceeded one or more size limits set by your administrator.\n\nYour mailbox size is 512 KB. You cannot send or receive mail until you reduce it."),
    _sent("Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.net>","Your mailbox is almost full.","Your mailbox is almost full. 48 GB of 50 GB. Please reduce the size. Items could not be delivered when it is full."),
    _sent("MAILER-DAEMON@example.net","Quota warning","Your mailbox kim@example.net is over quota."),
    _sent("postmaster@example.net","邮箱空间即将用完","尊敬的用户，您的邮箱 kim@example.net 空间不足，可能无法接收邮件，请及时清理。"),
    _sent("Postmaster <postmaster@example.net>","VIRUS FOUND in mail for you","A virus was found in a message from ann@example.org to you. The message was blocked.\n\nVirus: EICAR\nSender: ann@example.org\n"),
    _sent("MAILER-DAEMON@example.net","Spam held for you","The following messages are held:\n\n  ann@example.org   offer\n  bo@example.com  prize\n\nClick to release.\n"),
    _sent("postmaster@example.net","New anti-spam policy","Dear users,\n\nfrom Monday on, mail with .exe attachments will be rejected with 552 5.7.0. Questions: helpdesk@example.net\n"),
    _sent("postmaster@example.net","Outage report","Between 10:00 and 11:00 mail could not be delivered (451 4.3.0). Affected: kim@example.net, bo@example.net. All mail was delivered since.\n",path="<postmaster@example.net>"),
    _sent("root@example.net","*** SECURITY information for db1 ***","db1 : May 4 : kim : user NOT in sudoers\n"),
    _sent("Mail Delivery System <MAILER-DAEMON@example.net>","Welcome to your new mailbox","Hello kim@example.net,\n\nyour mailbox is ready. Server: mail.example.net\n"),
    _sent("postmaster@example.net","Your message was delivered","Your message to kim@example.com was successfully delivered.\n"),
    _sent("postmaster@example.net","Successful mail delivery report","This is the mail system.\n\n<kim@example.com>: delivery via mx.example.com: 250 2.0.0 Ok\n"),
    _sent("Mail Administrator <postmaster@example.net>","Mail list summary","list of aliases:\nkim@example.com\nbo@example.com\n"),
    _sent("postmaster@example.net","DMARC failure report","This is an authentication failure report for an email message received from IP 192.0.2.1.\nann@example.org\n"),
    _sent("noreply@tickets.example.com","Undeliverable: your ticket","Your ticket could not be delivered to kim@example.com. Download it: https://example.com/t\n",path="<noreply@tickets.example.com>"),
    _sent("Airline <noreply@air.example>","Delivery failed: baggage","Your baggage could not be delivered to kim@example.com's address.\n",path="<bounce-77@air.example>"),
    _sent("LinkedOut <messages@social.example>","Your invitation to bo@example.com was rejected","bo@example.com does not exist on our network.\n",path="<bounce@social.example>"),
    _sent("Bank <service@bank.example>","Transfer failed","Your transfer to kim@example.com failed: user unknown (Error 550).\n",path="<service@bank.example>"),
    _sent("Helpdesk <helpdesk@example.net>","[#4711] Undelivered Mail Returned to Sender","Your request has been received. We answer soon.\n\n> <kim@example.com>: host mx said: 550 5.1.1 unknown\n",path="<>",more="Auto-Submitted: auto-replied\n"),
    _sent("Jenkins <jenkins@ci.example>","Build failed: test_bounce","550 5.1.1 <kim@example.com>: User unknown\n at line 5\n",path="<jenkins@ci.example>"),
    _sent("Ann <ann@example.org>","Mail could not be delivered","The mail to kim@example.com could not be delivered: 550 5.1.1 user unknown. Any idea?\n\nAnn",path="<ann@example.org>"),
    _sent("Ann <ann@example.org>","Undeliverable","kim@example.com: 550 5.1.1 User unknown\n",path="<ann@example.org>"),
    _sent("Ann <ann@example.org>","failure notice","<kim@example.com>:\n550 5.1.1 User unknown\n\n--- Below this line is a copy of the message.\n\nReceived: from a by b; x\nFrom: Ann <ann@example.org>\nTo: kim@example.com\nSubject: x\n\nhello\n",path="<ann@example.org>"),
    _sent('"Ann" <ann@example.org>',"Fwd: Undelivered Mail Returned to Sender","\n\nBegin forwarded message:\n\nFrom: MAILER-DAEMON@mx.example.net (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender\n\nThis is the mail system at host mx.example.net.\n\n<kim@example.com>: host mx said: 550 5.1.1 User unknown\n",path="<ann@example.org>"),
    _sent("Ann <ann@example.org>","Undelivered Mail Returned to Sender","This is the mail system at host mx.example.net.\n\nI'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients. It's attached below.\n\n<kim@example.com>: host mx.example.com[192.0.2.9] said: 550 5.1.1 User unknown\n",path="<ann@example.org>"),
    _sent("support@hosting.example","Your domain could not be verified","The records of example.com were not found. Contact kim@example.com.\n",path="<>"),
    _sent("Out of office <kim@example.com>","Undeliverable: holiday","I am away, mail to kim@example.com is not read and was not delivered to anybody.\n",path="<>"),
    _sent("kim@example.com","Automatic reply: Undelivered mail","I'm out of the office.\n",path="<>"),
    _sent("calendar-notification@google.example","Undeliverable invitation: Sync","Your invitation could not be delivered to bo@example.com.\n",path="<calendar@google.example>"),
    _sent("kim@example.com","Please confirm your message","This message was created automatically by mail delivery software (TMDA).\n\nYour message attached below is being held because the address\n<ann@example.org> has not been verified.\n\nTo release your message for delivery, please send an empty message\nto the following address, or use your mailer's \"Reply\" feature.\n\n   kim-confirm-1234@example.com\n\nThis confirmation verifies that your message is legitimate and not\njunk-mail.\n",more="Auto-Submitted: auto-replied\n"),
    _sent("kim@example.com","Please verify your email (was: offer)","Kim is protecting himself from receiving junk mail.\n\nJust this once, click the link below so I can receive your emails.\nYou won't have to do this again.\n\nhttps://challenge.example/1\n\nIf you do not confirm, your message will not be delivered to kim@example.com.\n"),
    _sent("kim@earthlink.example","Re: offer (spamBlocker)","I apologize for this automatic reply to your email.\n\nTo control spam, I now allow incoming messages only from senders I have approved beforehand.\n\nYour message to kim@earthlink.example was not delivered yet. Fill out the request form: https://x.example\n"),
    _sent("Boxbe <notification@boxbe.example>","offer (Action Required)",'Hello Ann,\n\nYour message about "offer" was waitlisted. Please add yourself to my Guest List so your future messages will go to my Inbox.\n\nYour message to kim@example.com has not been delivered.\n'),
    _sent("postmaster@example.com","Delivered: offer","Your message\n\n  To: kim@example.com\n  Subject: offer\n\nwas delivered to the following recipient(s):\n\nkim@example.com on Mon, 4 May 2026\n"),
    _sent("System Administrator <postmaster@example.com>","Delivered: offer","Your message has been delivered to the following recipients:\n\nKim (kim@example.com)\n\nSubject: offer\n"),
    _sent("Microsoft Outlook <postmaster@example.com>","Relayed: offer","Delivery to these recipients or groups is complete, but no delivery notification was sent by the destination server:\n\nkim@example.com (kim@example.com)<mailto:kim@example.com>\n\nSubject: offer\n"),
    _sent("Microsoft Outlook <postmaster@example.com>","Your message to Team is awaiting approval","Your message to Team <team@example.com> is awaiting moderator approval.\n"),
    _sent("Majordomo <owner-talk@lists.example.com>","BOUNCE talk@lists.example.com: Non-member submission from [ann@example.org]","From ann@example.org Mon May  4\nReceived: from x\nFrom: ann@example.org\n\nhello\n",path="<owner-talk@lists.example.com>"),
    _sent("mailer@lists.example.com","Welcome to talk","Welcome to the talk@lists.example.com mailing list! To post, send your message to: talk@lists.example.com. Bounced mail is removed.\n"),
    _sent("kim@example.com","Auto: offer","Your mail has been received. I read mail once a week. Undelivered parcels: call me.\n",more="X-Autoreply: yes\n"),
    _sent('"Mail Delivery Subsystem" <MAILER-DAEMON@example.com>',"Out of Office: offer","I am out of the office until Monday. Write to bo@example.com.\n"),
    _sent("support@example.com","Re: Mail delivery failed: returning message to sender","Dear customer,\n\nwe have received your request. Ticket number: 4711.\n\n> kim@example.com\n>   550 5.1.1 User unknown\n",more="Auto-Submitted: auto-replied\n"),
    _sent("MAILER-DAEMON@example.net","Undelivered mail statistics","Undelivered mail of the last day: 3\n\n  2 kim@example.com\n  1 bo@example.com\n"),
    _sent("abuse@isp.example","[Abuse #77] spam from 192.0.2.1","We received complaints about spam from 192.0.2.1. The messages were rejected with 550 5.7.1 by our users, for instance kim@isp.example.\n\nReceived: from x by y; z\nFrom: ann@example.org\nTo: kim@isp.example\nSubject: win\n",path="<abuse@isp.example>"),
    _sent("scomp@aol.net","Client TOS Notification","\n",path="<scomp@aol.net>"),
    _sent("kim@example.com","Read: offer","Your message was read on Monday.\n"),
    _sent("kim@example.com","Kim is no longer at Example","The mailbox kim@example.com is no longer in use. Your message was not forwarded. Please write to desk@example.com.\n"),
    _sent("noreply@example.com","This mailbox is not monitored","Your message to noreply@example.com was not read. Please use the form at https://example.com/contact\n",more="Auto-Submitted: auto-replied\n"),
    _sent("info@example.com","Ihre Anfrage","Vielen Dank für Ihre Nachricht. Wir antworten bald. Nicht zugestellte Pakete: paket@example.com\n",more="Auto-Submitted: auto-replied\n"),
    _sent("WordPress <wordpress@example.com>","[Blog] mail could not be sent","The site tried to send mail to kim@example.com, which could not be delivered: SMTP connect() failed.\n",path="<wordpress@example.com>"),
    _sent("ann@example.org","Undelivered","Bo,\n\nkim@example.com\nbo@example.net\n\nare the ones whose invitations could not be delivered.\n",path="<ann@example.org>"),
)  # fmt: skip
"""What comes close: notices of mailers about mailboxes, shops that speak of deliveries, people who paste a bounce as it came."""


def made(seed: int = 7) -> Iterator[tuple[str, bytes]]:
    """About four hundred messages with a name each, none of them a bounce."""
    chance = random.Random(seed)  # noqa: S311 - a seed makes the same mail every time
    yield from _many(chance, "about", ABOUT, 10, _person)
    yield from _many(chance, "plain", PLAIN, 8, _person)
    yield from _many(chance, "answer", ANSWERS, 6, _answer)
    for number, (sender, subject, text) in enumerate(MACHINES):
        for variant, more in enumerate(("", "Auto-Submitted: auto-generated\n", "Precedence: bulk\n")):
            head = _head(chance, subject, sender=sender, more=more)
            yield f"machine-{number}-{variant}", f"{head}Content-Type: text/plain; charset=utf-8\n\n{text}".encode()
    yield from ((f"close-{number}", octets) for number, octets in enumerate(CLOSE))
    for number in range(20):
        yield f"attached-{number}", _attached(chance, number)
        yield f"newsletter-{number}", _newsletter(chance, number)
    for number in range(12):
        yield f"receipt-{number}", _receipt(number)
        yield f"success-{number}", _success(number)
        yield f"complaint-{number}", _complaint(number)


def _many(chance: random.Random, name: str, texts: Sequence[tuple[str, str]], variants: int, make: Make) -> Iterator[tuple[str, bytes]]:
    for number, (subject, text) in enumerate(texts):
        for variant in range(variants):
            yield f"{name}-{number}-{variant}", make(chance, subject, text, variant)


def _head(chance: random.Random, subject: str, *, sender: str | None = None, more: str = "") -> str:
    sender = sender or chance.choice(PEOPLE)
    path = sender.partition("<")[2].rstrip(">") or sender
    return f"Return-Path: <{path}>\nReceived: from mail.example.org (mail.example.org [192.0.2.7]) by mx.example.net with ESMTPS; Mon, 4 May 2026 10:00:00 +0000\nFrom: {sender}\nTo: kim@example.net\nSubject: {subject}\nDate: Mon, 4 May 2026 10:00:00 +0000\nMessage-ID: <{chance.randrange(10**9)}@example.org>\nMIME-Version: 1.0\n{more}"


def _person(chance: random.Random, subject: str, text: str, variant: int) -> bytes:
    """A person's message, plain, in base 64, as HTML, in two forms, or signed by a list on its way."""
    lists = "List-Id: talk <talk.example.org>\nList-Unsubscribe: <mailto:talk-leave@example.org>\nPrecedence: list\n"
    more = (
        "User-Agent: Mozilla Thunderbird\n",
        "X-Mailer: Apple Mail (2.3)\n",
        lists,
        "",
        "In-Reply-To: <1@example.net>\nReferences: <1@example.net>\n",
    )[variant % 5]
    head = _head(chance, subject, more=more)
    if variant in (1, 6):
        packed = base64.encodebytes(text.encode()).decode()
        return f"{head}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{packed}".encode()
    html = "<html><body>" + "".join(f"<p>{line}</p>\n" for line in text.replace("<", "&lt;").split("\n")) + "</body></html>"
    if variant in (2, 7):
        return f"{head}Content-Type: text/html; charset=utf-8\n\n{html}".encode()
    if variant in (3, 8):
        return f'{head}Content-Type: multipart/alternative; boundary="b"\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n{text}\n--b\nContent-Type: text/html; charset=utf-8\n\n{html}\n--b--\n'.encode()
    return f"{head}Content-Type: text/plain; charset=utf-8\n\n{text}".encode()


def _answer(chance: random.Random, subject: str, text: str, variant: int) -> bytes:
    """An automatic answer with the marks that these have, or without."""
    marks = (
        "Auto-Submitted: auto-replied\n",
        "X-Autoreply: yes\n",
        "Precedence: auto_reply\n",
        "Auto-Submitted: auto-replied (vacation)\nPrecedence: bulk\n",
        "X-Auto-Response-Suppress: All\nAuto-Submitted: auto-generated\n",
        "",
    )
    head = _head(chance, subject, more=marks[variant])
    if variant % 2:
        head = head.replace("Return-Path: <", "Return-Path: <>\nX-Path: <", 1)
    return f"{head}Content-Type: text/plain; charset=utf-8\n\n{text}".encode()


def _attached(chance: random.Random, number: int) -> bytes:
    """A person who sends a bounce on as an attachment, with some words."""
    words = (
        "What is this?",
        "it shouldn't be considered as bounce",
        "Kannst du das bitte ansehen?",
        "请看附件",
        "Seen in the queue today, for the file.",
    )[number % 5]
    subject = ("Fwd: Undelivered Mail", "bounce from yesterday", "Undelivered Mail Returned to Sender", "AW: Rückläufer")[number % 4]
    return f'{_head(chance, subject)}Content-Type: multipart/mixed; boundary="outer"\n\n--outer\nContent-Type: text/plain; charset=utf-8\n\n{words}\n\n--outer\nContent-Type: message/rfc822\n\n{INNER_BOUNCE}\n--outer--\n'.encode()


def _newsletter(chance: random.Random, number: int) -> bytes:
    """A newsletter about deliverability, full of codes and addresses."""
    text = f"Issue {number}\n\nWhat 550 5.1.1 really means\n\nWhen a message could not be delivered, look at the recipient: mailbox full, user unknown.\n\nWrite to editor@example.com\nUnsubscribe: https://example.com/u/{number}\n"
    more = "List-Unsubscribe: <https://example.com/u>\nList-Id: <news.example.com>\nPrecedence: bulk\nX-Campaign: 7\n"
    return f"{_head(chance, 'Bounces: undeliverable mail explained', sender='News <news@example.com>', more=more)}Content-Type: text/plain; charset=utf-8\n\n{text}".encode()


def _receipt(number: int) -> bytes:
    subject = ("Read: offer", "Gelesen: Angebot", "已读: 报价", "Not read: offer")[number % 4]
    fate = ("displayed", "deleted")[number % 4 == 3]  # fmt: skip
    return f'Return-Path: <>\nMessage-ID: <{number}@example.net>\nFrom: kim@example.net\nTo: ann@example.org\nSubject: {subject}\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=disposition-notification; boundary="m"\n\n--m\nContent-Type: text/plain\n\nYour message to kim@example.net was {fate}.\n\n--m\nContent-Type: message/disposition-notification\n\nReporting-UA: mail.example.net\nFinal-Recipient: rfc822; kim@example.net\nDisposition: manual-action/MDN-sent-manually; {fate}\n\n--m--\n'.encode()


def _success(number: int) -> bytes:
    action = ("delivered", "relayed", "expanded")[number % 3]
    return f'Return-Path: <>\nMessage-ID: <{number}@mx.example.net>\nFrom: MAILER-DAEMON@mx.example.net\nTo: ann@example.org\nSubject: Successful Mail Delivery Report\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="s"\n\n--s\nContent-Type: text/plain\n\nYour message was successfully delivered to the destinations listed below.\n\n<kim@example.net>: {action}\n\n--s\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; kim@example.net\nAction: {action}\nStatus: 2.0.0\n\n--s--\n'.encode()


def _complaint(number: int) -> bytes:
    kind = ("abuse", "fraud", "auth-failure", "not-spam")[number % 4]
    return f'Return-Path: <fbl@example.com>\nMessage-ID: <{number}@example.com>\nFrom: fbl@example.com\nTo: abuse@example.org\nSubject: FW: offer\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary="f"\n\n--f\nContent-Type: text/plain\n\nThis is an email abuse report.\n\n--f\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nUser-Agent: Report/1.0\nVersion: 1\nOriginal-Rcpt-To: kim@example.com\n\n--f\nContent-Type: message/rfc822\n\nFrom: ann@example.org\nTo: kim@example.com\nSubject: offer\n\nhello\n--f--\n'.encode()
