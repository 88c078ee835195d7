"""From the options of ``waypost send`` to a login: as whom, by which mechanisms, with which password. Speaks to no server."""

from __future__ import annotations

import getpass
import os
import re
from typing import TYPE_CHECKING

from waypost.cli.exits import UsageError
from waypost.cli.send_where import content, port, protocol, server_named
from waypost.diagnose.send.auth import MECHANISMS, TAKE_TOKEN
from waypost.diagnose.send.errand import Leniency, Login

if TYPE_CHECKING:
    import argparse


def login(args: argparse.Namespace) -> Login | None:
    """As whom to log in; None: as nobody. Raises UsageError, FailureError."""
    named = next((given for given in (args.auth, args.auth_optional_strict, args.auth_optional) if given is not None), None)
    asked = named is not None or args.auth_user is not None or args.auth_token is not None or protocol(args)[3]
    if not asked:
        return None
    mechanisms = tuple(name.strip().upper() for name in (named or "").split(",") if name.strip())
    aliases = _aliases(args.auth_map)
    for name in mechanisms:
        if name not in MECHANISMS and name not in dict(aliases):
            raise UsageError(f"{name} is no mechanism that is known here: they are {', '.join(MECHANISMS)}")
    types = {dict(aliases).get(name, name) for name in mechanisms}
    token, external, oauth = _token(args), types == {"EXTERNAL"}, bool(types) and types <= TAKE_TOKEN
    if token and types and not types & TAKE_TOKEN:
        raise UsageError(f"--auth-token is for {' and '.join(sorted(TAKE_TOKEN))}: {mechanisms[0]} wants --auth-password-file FILE")
    user = "" if external and args.auth_user is None else _user(args, token)
    if oauth and not token:
        token = _password(args, user, oauth=True)
    return Login(
        user=user,
        password="" if token or external else _password(args, user),
        token=token,
        identity=args.auth_identity,
        mechanisms=mechanisms,
        aliases=aliases,
        lenient=_lenient(args),
        in_clear=args.auth_in_clear or bool(args.socket or args.pipe) or _stays_here(server_named(args)[0]),
        host=server_named(args)[0],
        port=port(args),
    )


def _lenient(args: argparse.Namespace) -> Leniency:
    if args.auth is not None:
        return Leniency.NONE
    if args.auth_optional_strict is not None:
        return Leniency.ABSENT
    return Leniency.ALL if args.auth_optional is not None else Leniency.NONE


def _aliases(text: str) -> tuple[tuple[str, str], ...]:
    """``NAME=TYPE,...`` of --auth-map. Raises UsageError."""
    aliases = []
    for each in (part for part in text.split(",") if part.strip()):
        alias, _, name = each.strip().upper().partition("=")
        if not alias or name not in MECHANISMS:
            raise UsageError(f"--auth-map {each}: write NAME=TYPE, of these types: {', '.join(MECHANISMS)}")
        aliases.append((alias, name))
    return tuple(aliases)


def _user(args: argparse.Namespace, token: str) -> str:
    if args.auth_user is not None:
        return "" if args.auth_user == "<>" else str(args.auth_user)
    if token:
        return ""
    if not os.isatty(0):
        raise UsageError("say as whom to log in: --auth-user NAME")
    return input("Username: ")


def _stays_here(server: str) -> bool:
    """Whether the way to the server leaves this machine: if not, nobody stands on it."""
    return server in ("localhost", "::1") or bool(re.fullmatch(r"127(?:\.[0-9]{1,3}){3}", server))


def _token(args: argparse.Namespace) -> str:
    if args.auth_token is None:
        return ""
    return content(args.auth_token)[0].decode("utf-8", "replace").strip()


def _password(args: argparse.Namespace, user: str, *, oauth: bool = False) -> str:
    """The password; with ``oauth`` the token, which stands where other mechanisms have theirs."""
    if args.auth_password is not None:
        return "" if args.auth_password == "<>" else str(args.auth_password)  # noqa: S105 - swaks' word for an empty one
    if args.auth_password_file is not None:
        octets = content("-" if args.auth_password_file == "-" else f"@{args.auth_password_file}")[0]  # noqa: S105 - standard input
        return octets.decode("utf-8", "replace").partition("\n")[0].removesuffix("\r")
    if not os.isatty(0):
        wanted = "the token: --auth-token @FILE" if oauth else "the password: --auth-password-file FILE"
        raise UsageError(f"say {wanted}, or - for standard input")
    return getpass.getpass(f"{'Token' if oauth else 'Password'} of {user}: ")
