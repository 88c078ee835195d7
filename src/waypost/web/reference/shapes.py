"""What the JSON of the reference looks like, for its description by OpenAPI. Makes nothing.

The record is that of ``waypost codes --json``; the explanation that of ``waypost explain --json``.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class FixShape(BaseModel):
    """What to do, for each side."""

    sender: str = Field(description="For the person or system that sent the mail.")
    operator: str = Field(description="For whoever runs the server that says it.")


class RecordShape(BaseModel):
    """One entry of the reference."""

    model_config = ConfigDict(populate_by_name=True)

    code: str = Field(description="Its name in the registry: 550, X.7.1, SIZE, google.5.7.27.")
    kind: str = Field(description="basic, enhanced, nonstandard, extension, provider, category, vendor or command.")
    title: str
    class_: str | None = Field(alias="class", description="The class in the words of the standards.")
    description: str
    occurs: str
    fix: FixShape
    permanence: str | None = Field(description="permanent, temporary or unknown; null where nothing failed.")
    phases: list[str] = Field(description="Commands and phases that it may answer.")
    related: list[str]
    references: list[str] = Field(description="The documents that define it, with section.")
    known_from: str | None = Field(description="rfc, iana, vendor or observed.")
    lang: str | None = None
    retry: str | None = Field(None, description="none, later, after_change or never.")
    who: list[str] = Field([], description="Who must act.")
    connection: str | None = Field(None, description="stays, closes or either.")
    category: str = "unknown"
    example: list[str] = Field([], description="Lines of a dialogue.")


class DifferenceShape(BaseModel):
    """One fact in which two codes part."""

    point: str | None
    text: str


class ComparisonShape(BaseModel):
    """Two codes side by side."""

    name: str = Field(description="The canonical name of the pair.")
    same: bool
    summary: str
    codes: list[RecordShape]
    differences: list[DifferenceShape]
    choose: str = Field(description="When to answer which.")
    meet: str = Field(description="What to do on meeting each.")
    related: list[str]
    references: list[str]


class ChoiceShape(BaseModel):
    """A reason to refuse, and the answer to it."""

    model_config = ConfigDict(populate_by_name=True)

    name: str
    reason: str
    code: str
    status: str | None
    phase: str
    wording: str
    why: str
    not_: dict[str, str] = Field(alias="not", description="Other codes, each with what is wrong about it here.")


class FoundShape(BaseModel):
    """One page that a search found."""

    code: str
    title: str
    kind: str
    page: str


class EvidenceShape(BaseModel):
    """One step of the trail that led to an answer."""

    rule: str
    words: str
    source: str
    sure: float


class ExplanationShape(BaseModel):
    """What it means and what to do."""

    title: str
    description: str
    occurs: str
    fix: FixShape


class ReportShape(BaseModel):
    """What became of one recipient."""

    recipient: str | None
    code: str | None
    status: str | None
    category: str
    permanence: str
    scope: str
    host: str | None
    text: str
    confidence: float
    evidence: list[EvidenceShape]
    explanation: ExplanationShape


class ExplainedShape(BaseModel):
    """The answer to what was pasted."""

    input: str
    kind: str
    reports: list[ReportShape]


class FailureShape(BaseModel):
    """Why there is no answer."""

    error: str
