from __future__ import annotations

import asyncio
import logging
import os
import threading
import warnings
from typing import TYPE_CHECKING

from waypost.observe.library import bridge
from waypost.observe.lines import ATOMIC, Lines

if TYPE_CHECKING:
    from pathlib import Path

    from waypost.observe.events import ServerChanged


def test_lines_are_written_in_order_and_flushed_at_close(tmp_path: Path) -> None:
    """Whatever was put before close is in the file after it."""
    path = tmp_path / "log"
    with path.open("wb") as file:
        lines = Lines(file.fileno(), gather=0.0)
        for number in range(1000):
            lines.put(b"%d\n" % number)
        lines.close()
        lines.close()
    assert path.read_bytes() == b"".join(b"%d\n" % number for number in range(1000))
    assert lines.dropped == 0


def test_a_line_after_close_is_counted(tmp_path: Path) -> None:
    """Nothing is written after the end, and nothing raises."""
    with (tmp_path / "log").open("wb") as file:
        lines = Lines(file.fileno())
        lines.close()
        lines.put(b"late\n")
    assert lines.dropped == 1


def test_a_reader_that_stands_still_costs_lines_not_time() -> None:
    """At the bound nothing is dropped; one past it is, is counted, and is told when the reader goes on."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    while True:
        try:
            os.write(writer, b"x" * 4096)
        except BlockingIOError:
            break
    lines = Lines(writer, most=3, gather=0.0, lost=lambda count: b"lost %d\n" % count)
    lines.put(b"held\n")
    while lines._waiting:  # until the thread holds it in its hands, stuck at the full pipe
        threading.Event().wait(0.001)
    for number in range(3):
        lines.put(b"%d\n" % number)
    assert lines.dropped == 0
    lines.put(b"too much\n")
    assert lines.dropped == 1
    taken = bytearray()
    done = threading.Thread(target=lambda: [taken.extend(piece) for piece in iter(lambda: os.read(reader, 65536), b"")])
    done.start()
    lines.close()
    os.close(writer)
    done.join()
    os.close(reader)
    assert bytes(taken).lstrip(b"x") == b"held\n0\n1\n2\nlost 1\n"


def test_a_reader_that_is_gone_is_counted() -> None:
    """A broken pipe loses the lines and nothing else."""
    reader, writer = os.pipe()
    os.close(reader)
    lines = Lines(writer, gather=0.0)
    lines.put(b"one\n")
    lines.close()
    os.close(writer)
    assert lines.dropped == 1


def test_what_goes_into_a_pipe_is_cut_at_lines() -> None:
    """Pieces hold whole lines and stay within what a pipe takes unmixed; a longer line goes alone."""
    reader, writer = os.pipe()
    lines = Lines(writer)
    batch = [b"a" * 1999 + b"\n", b"b" * 2095 + b"\n", b"c\n", b"d" * 5000 + b"\n", b"e\n"]
    pieces = list(lines._pieces(batch))
    lines.close()
    os.close(reader)
    os.close(writer)
    assert [len(piece) for piece in pieces] == [ATOMIC, 2, 5001, 2]
    assert b"".join(pieces) == b"".join(batch)


def test_libraries_are_heard() -> None:
    """Warnings of the standard logging and of the warnings module become events; less than a warning does not."""
    events: list[ServerChanged] = []
    undo = bridge(events.append)
    try:
        logging.getLogger("dns").info("quiet")
        logging.getLogger("dns").warning("slow %s", "answer")
        logging.getLogger("asyncio").error("broken %s")
        logging.getLogger("odd").warning("%d", "x")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(capture=True)
            warnings.warn("old", UserWarning, stacklevel=1)
    finally:
        undo()
    assert [(event.what, event.severity, event.detail.split("\n")[0][:17]) for event in events][:3] == [
        ("library", "warning", "dns: slow answer"),
        ("library", "error", "asyncio: broken %"),
        ("library", "warning", "odd: %d"),
    ]


def test_an_error_nobody_took_is_one_event_with_its_place() -> None:
    """The loop's report of a lost exception names the error and where it rose."""
    events: list[ServerChanged] = []
    undo = bridge(events.append)

    def fall() -> None:
        raise ValueError("line one\nline two")

    async def main() -> None:
        asyncio.get_running_loop().call_soon(fall)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    try:
        asyncio.run(main())
    finally:
        undo()
    (event,) = [each for each in events if "ValueError" in each.detail]
    assert "fall (test_lines.py:" in event.detail
    assert event.severity == "error"


def test_closing_does_not_wait_for_ever() -> None:
    """A reader that stands still at the end costs a second, not the shutdown."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    while True:
        try:
            os.write(writer, b"x" * 4096)
        except BlockingIOError:
            break
    lines = Lines(writer, gather=0.0)
    lines.put(b"never read\n")
    lines.close()
    os.close(reader)
    os.close(writer)
    assert lines.dropped == 1
    assert not lines._thread.is_alive()
