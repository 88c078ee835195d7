"""What is carried: paths, envelopes, content, header fields, outcomes. Knows no network, clock, log or database."""
