"""What is wrong with a mail server, and what to do about it: probes of a host from outside. Sends no mail and keeps nothing."""
