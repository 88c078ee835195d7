"""Templates as an environment, and the words of the pages in each language. Knows no page."""

from waypost.web.templates.environment import LANGUAGES, STATIC, TAGS, Templates, wording

__all__ = ["LANGUAGES", "STATIC", "TAGS", "Templates", "wording"]
