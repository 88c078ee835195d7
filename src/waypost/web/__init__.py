"""The browser door: the reply reference and the console, an application given values and protocols. Knows no configuration, no store."""
