"""What the JSON of checks looks like, for its description by OpenAPI. Makes nothing; the diagnosis is that of ``waypost check --json``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AskShape(BaseModel):
    """What to check."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    target: str = Field(description="A host, a domain, an IP address or a mailbox; host:port works too.", examples=["example.org"])
    port: int | None = Field(None, description="This port of that host alone, and no MX: 25, 465, 587, 2525 or 24.")
    from_: str = Field("", alias="from", description="Envelope sender when mailboxes are tried; without it the empty one.")
    lang: str = Field("en", description="en or zh.")


class PortShape(BaseModel):
    """What became of one port of one address."""

    address: str
    port: int
    state: str = Field(description="open, refused, dropped, reset, network, host, prohibited, failed or withheld.")
    speaks: str | None
    implicit_tls: bool
    greeting: list[str]
    extensions: list[str]


class ServerShape(BaseModel):
    """A host to which mail for the target would go."""

    host: str
    preference: int
    source: str = Field(description="mx, implicit or given.")
    addresses: list[str] = Field(description="Of an address that is not public the first of its range.")
    ports: list[PortShape]


class FindingShape(BaseModel):
    """One thing found out."""

    key: str = Field(description="Stays the same from version to version.")
    severity: str = Field(description="ok, note, warning or error.")
    stage: str
    about: str
    evidence: list[str]
    facts: dict[str, str]
    title: str
    meaning: str
    fix: str
    standard: list[str]


class DiagnosisShape(BaseModel):
    """What a check came to."""

    target: str
    verdict: str = Field(description="works, works-with-faults or does-not-work.")
    next_step: str
    seconds: float
    servers: list[ServerShape]
    findings: list[FindingShape]
