"""From the options of ``waypost send`` to what a proxy says: XCLIENT, and the PROXY header. Speaks to no server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.cli.exits import UsageError
from waypost.cli.send_where import one_line, unescaped
from waypost.diagnose.send.proxy import FAMILIES, PROTOCOLS, Proxied, ProxyError, freely, version_1, version_2
from waypost.smtp.grammar import encode_xtext

if TYPE_CHECKING:
    import argparse


def xclient(args: argparse.Namespace) -> tuple[str, ...]:
    """What stands behind each XCLIENT: attributes in their order, a new one behind --xclient-delim; then what is said freely."""
    lines: list[list[str]] = [[]]
    free: list[str] = []
    for name, value in getattr(args, "impersonated", None) or []:
        if name == "delim":
            lines.append([])
        elif name:
            lines[-1].append(f"{name.upper().replace('-', '_')}={encode_xtext(value.encode('utf-8', 'surrogateescape'))}")
        else:
            free.append(one_line(value, "--xclient"))
    return (*(" ".join(words) for words in lines if words), *free)


def proxy(args: argparse.Namespace) -> bytes:
    """The PROXY header; empty: none. Raises UsageError."""
    ends = (args.proxy_source, args.proxy_dest)
    if args.proxy is not None:
        if any(end is not None for end in ends):
            raise UsageError("--proxy is the whole header: it goes with --proxy-version alone")
        return freely(unescaped(args.proxy), version=args.proxy_version)
    local = args.proxy_version == 2 and args.proxy_command == "LOCAL"
    if ends == (None, None) and not local:
        return b""
    if not local and None in ends:
        raise UsageError("--proxy-source and --proxy-dest go together")
    try:
        return _header(args, local=local)
    except ProxyError as fault:
        raise UsageError(str(fault)) from fault


def _header(args: argparse.Namespace, *, local: bool) -> bytes:
    """Raises ProxyError."""
    if local:
        return version_2(None)
    between = Proxied(args.proxy_source, args.proxy_source_port, args.proxy_dest, args.proxy_dest_port)
    if args.proxy_family is not None and FAMILIES.get(args.proxy_family.upper()) != between.family:
        raise ProxyError(f"{args.proxy_family} is not the family of {between.source}: --proxy says a header that is wrong on purpose")
    if args.proxy_protocol.upper() not in PROTOCOLS:
        raise ProxyError(f"{args.proxy_protocol} is no transport: they are {', '.join(PROTOCOLS)}")
    return version_2(between, protocol=args.proxy_protocol.upper()) if args.proxy_version == 2 else version_1(between)
