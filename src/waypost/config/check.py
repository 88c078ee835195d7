"""Judging a configuration as a whole: the table of rules, and their findings with file and line. Knows no type and no bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.config.problem import ConfigError, Problem, Severity, dotted
from waypost.config.rules import domains, listeners, process, transports, web

if TYPE_CHECKING:
    from waypost.config.load import Loaded
    from waypost.config.rules.finding import Rule

RULES: tuple[Rule, ...] = (
    process.hostname_is_a_name,
    process.software_is_a_word,
    process.data_can_be_written,
    process.user_exists,
    listeners.places_can_be_bound,
    listeners.tls_has_a_certificate,
    listeners.certificate_can_be_used,
    listeners.submission_can_authenticate,
    domains.names_are_domains,
    domains.mailboxes_are_local,
    domains.aliases_reach_somebody,
    domains.somebody_is_postmaster,
    transports.transports_can_work,
    transports.every_domain_has_a_transport,
    transports.others_have_a_transport,
    transports.networks_are_networks,
    transports.nothing_leaves_for_strangers,
    transports.unknown_mailboxes_are_refused,
    process.retries_are_possible,
    process.errors_are_slowed_before_they_end,
    process.somebody_can_log_in,
    web.web_can_be_served,
    web.web_names_are_names,
    web.web_checks_reach_what_is_meant,
)


def check(loaded: Loaded) -> tuple[Problem, ...]:
    """All errors and warnings, in the order of the file."""
    found = [
        Problem(loaded.sources.place(finding.keys), dotted(finding.keys), finding.says, finding.severity)
        for rule in RULES
        for finding in rule(loaded)
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda problem: problem.place.line))


def demand(loaded: Loaded) -> tuple[Problem, ...]:
    """The warnings. Raises ConfigError when there is an error."""
    found = check(loaded)
    errors = [problem for problem in found if problem.severity is Severity.ERROR]
    if errors:
        raise ConfigError(errors)
    return found
