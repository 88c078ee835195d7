"""For every setting that is measured in something: which test shows what it does, at its edge and one past it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from waypost.config.schema import leaves

TESTS = Path(__file__).resolve().parents[1]
MEASURED = [".".join(path) for path, entry in leaves() if entry.setting.unit]
LIMITS = "accept/test_limits.py"
CHECKS = "web_check/test_limits.py"
WAITS = "deliver/test_broken_off.py"
OUTBOUND = "deliver/test_outbound_settings.py"
SHOWN: dict[str, tuple[str, str]] = {
    "workers": ("e2e/test_life.py", "test_two_workers_share_one_port"),
    "drain": ("accept/test_shutdown.py", "test_transactions_that_do_not_finish_are_ended"),
    "auth.parallel": ("directory/test_credentials.py", "test_too_many_at_once_are_busy"),
    "auth.queue": ("directory/test_credentials.py", "test_too_many_at_once_are_busy"),
    "auth.remember": ("directory/test_credentials.py", "test_a_right_password_is_remembered_for_its_time"),
    "limits.message_size": (LIMITS, "test_message_size_at_its_edge"),
    "limits.recipients": (LIMITS, "test_recipients_at_their_edge"),
    "limits.header_size": (LIMITS, "test_header_limits_at_their_edge"),
    "limits.header_fields": (LIMITS, "test_header_limits_at_their_edge"),
    "limits.header_field_size": (LIMITS, "test_header_limits_at_their_edge"),
    "limits.hops": (LIMITS, "test_hops_at_their_edge"),
    "limits.command_line": (LIMITS, "test_command_line_at_its_edge"),
    "limits.connections": (LIMITS, "test_connections_in_all_at_their_edge"),
    "limits.client_connections": (LIMITS, "test_connections_of_an_address_at_their_edge"),
    "limits.network_connections": (LIMITS, "test_connections_of_a_network_at_their_edge"),
    "limits.client_rate": (LIMITS, "test_rate_of_an_address_at_its_edge"),
    "limits.session_messages": (LIMITS, "test_messages_of_a_session_at_their_edge"),
    "limits.soft_errors": (LIMITS, "test_errors_beyond_the_soft_limit_wait_longer_each_time"),
    "limits.hard_errors": (LIMITS, "test_errors_end_a_session"),
    "limits.junk_commands": (LIMITS, "test_commands_without_mail_at_their_edge"),
    "limits.auth_failures": (LIMITS, "test_failed_auth_at_its_edge"),
    "limits.auth_network_failures": (LIMITS, "test_guessing_from_a_network_at_its_edge"),
    "limits.auth_account_failures": (LIMITS, "test_guessing_at_an_account_at_its_edge"),
    "limits.command_seconds": ("accept/test_timing.py", "test_silence_ends_with_421"),
    "limits.command_seconds_busy": ("accept/test_timing.py", "test_waits_are_shorter_when_nearly_all_connections_are_taken"),
    "limits.session_seconds": ("accept/test_timing.py", "test_session_has_an_end"),
    "limits.content_rate": ("accept/test_timing.py", "test_content_rate_at_its_edge"),
    "limits.handshake_seconds": ("accept/test_timing.py", "test_a_handshake_that_trickles_in_has_an_end"),
    "queue.retry": ("spool/test_schedule.py", "test_next_attempt"),
    "queue.jitter": ("spool/test_schedule.py", "test_next_attempt"),
    "queue.lifetime": ("spool/test_schedule.py", "test_expired"),
    "queue.notice_lifetime": ("spool/test_schedule.py", "test_expired"),
    "queue.minimum_attempts": ("spool/test_schedule.py", "test_expired"),
    "queue.delay_notice": ("spool/test_schedule.py", "test_delay_notice"),
    "queue.fresh": ("spool/test_space.py", "test_fresh_memory_at_its_edge"),
    "queue.free_space": ("spool/test_full_disk.py", "test_room_is_asked_for_before_content_comes"),
    "outbound.connections": ("deliver/test_connections.py", "test_connections_in_all"),
    "outbound.destination_connections": ("deliver/test_connections.py", "test_connections_per_destination"),
    "outbound.connection_messages": ("deliver/test_connections.py", "test_messages_per_connection"),
    "outbound.reuse_seconds": (OUTBOUND, "test_reuse_seconds"),
    "outbound.recipients": ("deliver/test_flight.py", "test_recipients_per_transaction"),
    "outbound.hosts": ("deliver/test_hosts.py", "test_hosts_per_attempt"),
    "outbound.addresses": ("deliver/test_hosts.py", "test_addresses_per_attempt"),
    "outbound.connect_seconds": (OUTBOUND, "test_connect_seconds"),
    "outbound.greeting_seconds": (WAITS, "test_silence_has_an_end"),
    "outbound.command_seconds": (WAITS, "test_every_wait_has_an_end"),
    "outbound.data_seconds": (WAITS, "test_every_wait_has_an_end"),
    "outbound.block_seconds": (WAITS, "test_every_wait_has_an_end"),
    "outbound.final_seconds": (WAITS, "test_every_wait_has_an_end"),
    "outbound.handshake_seconds": (WAITS, "test_every_wait_has_an_end"),
    "outbound.quit_seconds": (OUTBOUND, "test_quit_seconds"),
    "dns.seconds": ("route/test_dns.py", "test_a_silent_resolver_is_waited_for_as_long_as_allowed"),
    "dns.cache_entries": ("route/test_dns.py", "test_the_cache_has_an_edge"),
    "dns.cache_seconds": ("route/test_dns.py", "test_no_answer_is_kept_longer_than_allowed"),
    "history.days": ("history/test_history_contract.py", "test_what_is_too_old_is_forgotten"),
    "history.most": ("history/test_history_contract.py", "test_the_oldest_go_beyond_the_bound"),
    "history.waiting": ("history/test_history_contract.py", "test_a_flood_is_dropped_and_counted"),
    "inbox.messages": ("inbox/test_inbox_contract.py", "test_the_oldest_go_beyond_the_bound"),
    "inbox.days": ("inbox/test_inbox_contract.py", "test_what_is_too_old_goes"),
    "web.check_hourly": (CHECKS, "test_checks_in_an_hour"),
    "web.check_at_once": (CHECKS, "test_checks_at_once"),
    "web.check_again": (CHECKS, "test_the_same_within_a_time"),
    "notices.returned_size": ("deliver/test_settling.py", "test_what_is_returned_whole"),
}


@cache
def names_in(file: str) -> frozenset[str]:
    """The names of the tests in one file."""
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def test_every_measured_setting_is_shown_at_work() -> None:
    """A new setting with a unit needs a test of its effect, and its name here; one that is gone leaves this list."""
    assert sorted(MEASURED) == sorted(SHOWN)


@pytest.mark.parametrize("setting", SHOWN)
def test_the_test_that_shows_it_exists(setting: str) -> None:
    """The list names tests that are run."""
    file, name = SHOWN[setting]
    assert name in names_in(file)
