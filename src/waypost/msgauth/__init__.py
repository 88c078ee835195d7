"""Whose mail is it: SPF, DKIM keys and DMARC as domains publish them. Asks the DNS by a protocol of its own, and knows no SMTP."""
