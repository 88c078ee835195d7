"""A web server for MTA-STS policies: ``python -m support.policy_host ADDRESS CERTIFICATE FOLDER`` serves FOLDER/HOST for each Host."""

from __future__ import annotations

import http.server
import ssl
import sys
from pathlib import Path


class Policies(http.server.BaseHTTPRequestHandler):
    """One file for each host, at the one path there is."""

    def do_GET(self) -> None:
        """Answer with the policy of the host that was asked."""
        path = Path(sys.argv[3]) / self.headers["Host"].partition(":")[0]
        found = self.path == "/.well-known/mta-sts.txt" and path.is_file()
        body = path.read_bytes() if found else b"not here\n"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until killed."""
    server = http.server.ThreadingHTTPServer((sys.argv[1], 443), Policies)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main()
