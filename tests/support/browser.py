"""A real Chromium for our pages: the one that scripts/peers fetched, else one on PATH; with a Chinese font, and no way out of loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from support.peers import environment, fetched, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

_HERE = "usr/lib/chromium/chromium-headless-shell"
_ON_PATH = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome")
_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><include ignore_missing="yes">/etc/fonts/fonts.conf</include><dir>/usr/share/fonts</dir>{more}<cachedir>{cache}</cachedir>
<alias><family>sans-serif</family><prefer><family>Liberation Sans</family></prefer></alias>
<alias><family>monospace</family><prefer><family>Liberation Mono</family></prefer></alias></fontconfig>
"""

FAINT = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parts = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = (c) => c.slice(0, 3).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(parts(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const faint = new Set();
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest("[aria-hidden], .unseen")) continue;
    const below = ground(element);
    const [a, b] = [light(over(parts(getComputedStyle(element).color), below)), light(below)].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.add(`${element.className || element.tagName}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  return [...faint];
}"""
"""A script that names the pieces of text whose contrast is below what WCAG asks for (4.5 to 1)."""


def chromium() -> str | None:
    """The program, or None where there is none."""
    if fetched("chromium"):
        return str(tree("chromium") / _HERE)
    return next((found for name in _ON_PATH if (found := shutil.which(name))), None)


@contextlib.contextmanager
def browser(*fonts: str) -> Iterator[Browser]:
    """A headless browser; ``fonts`` are further folders of fonts."""
    program = chromium()
    assert program is not None, "ask chromium() first"
    with tempfile.TemporaryDirectory(prefix="waypost-browser-") as folder, sync_playwright() as playwright:
        more = "".join(f"<dir>{path}</dir>" for path in (*fonts, tree("chromium") / "usr/share/fonts"))
        conf = Path(folder) / "fonts.conf"
        conf.write_text(_FONTS.format(more=more, cache=folder))
        started = playwright.chromium.launch(
            executable_path=program,
            env={**_environment(), "FONTCONFIG_FILE": str(conf)},
            args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
        )
        yield started
        started.close()


def _environment() -> dict[str, str]:
    if not fetched("chromium"):
        return dict(os.environ)
    env = environment("chromium")
    pulse = [str(path) for path in (tree("chromium") / "usr/lib").glob("*-linux-gnu/pulseaudio")]
    return {**env, "LD_LIBRARY_PATH": ":".join([env["LD_LIBRARY_PATH"], *pulse])}


@dataclass  # playwright keeps notes of its own on what listens
class Watch:
    """What a page did that it should not have."""

    home: str
    """``host:port`` of the pages; whatever else is asked for is an outside request."""
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def on(self, page: Page) -> Watch:
        """Note errors, violations of the content security policy, dialogs and requests to others."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))
        page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", self._request)
        return self

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console {message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        self.asked.append(request.url)
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != self.home:
            self.complaints.append(f"asked outside: {request.url}")
