"""The benchmark: Waypost beside other servers, every row in one run, each compared only with what ran beside it."""
