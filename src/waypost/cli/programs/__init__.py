"""The programs that others expect of a mail server by name: sendmail, mailq, newaliases, postqueue, postsuper, postcat."""
