"""The operator's verbs, each once: the terminal, the web and the control socket all call these. Knows no terminal."""
