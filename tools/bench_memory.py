"""What one worker weighs while many clients send large messages at the same moment, and what becomes of each message.

python tools/bench_memory.py [--folder DIR] [--connections N] [--octets N] [--chunks] [--tls]

A server of its own keeps everything (transport hold). All clients send at once, as fast as they are let, over real sockets from one
process beside it. Each message that was answered 250 is then read back from the stopped server and compared octet for octet.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent.parent))

from support.certificates import make_certificates
from support.flood import Flood, Scales, kept
from support.server import Waypost, configuration, listener, port_of


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the server keeps the mail; without it a temporary folder")
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--octets", type=int, default=20_000_000)
    parser.add_argument("--chunks", action="store_true", help="send by BDAT instead of DATA")
    parser.add_argument("--tls", action="store_true", help="send over TLS from the first octet")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        made = make_certificates(Path(name)) if arguments.tls else None
        tree = configuration(Path(name), listeners=[listener("relay", tls="implicit" if made else "none")], certificates=made)
        server = Waypost(Path(name), tree).start()
        try:
            scales = Scales(server.workers()[0])
            flood = Flood(
                port_of(tree),
                connections=arguments.connections,
                octets=arguments.octets,
                chunks=arguments.chunks,
                context=made.client_context() if made else None,
            )
            began = time.perf_counter()
            answers = asyncio.run(flood.run())
            took = time.perf_counter() - began
            scales.stop()
            after = scales.now()
            server.stop()
            sums = kept(Path(name) / "data" / "shards" / "0")
        finally:
            server.kill()
    taken = [number for number, answer in answers.items() if answer.startswith("250")]
    print(
        json.dumps(
            {
                "connections": arguments.connections,
                "octets": arguments.octets,
                "seconds": round(took, 1),
                "mib_per_second": round(len(taken) * arguments.octets / took / 1048576),
                "rss_before_mib": round(scales.least, 1),
                "rss_most_mib": round(scales.most, 1),
                "rss_after_mib": round(after, 1),
                "answers": dict(Counter(answer[:9] for answer in answers.values())),
                "lost_or_torn": sum(sums.get(number) != hashlib.sha256(flood.content(number)).hexdigest() for number in taken),
                "kept": len(sums),
            }
        )
    )


if __name__ == "__main__":
    main()
