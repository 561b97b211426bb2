"""Somebody who uses the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Visitor:
    """A browser of its own, with the page open.

    page: Playwright's. troubles: errors of the console and of scripts, failed requests, requests to other servers.
    """

    page: Any
    troubles: list[str] = field(default_factory=list)

    def see(self, selector: str) -> Any:
        found = self.page.locator(selector).first
        found.wait_for(timeout=15_000)
        return found

    def give(self, path: Path, what: str = "media") -> None:
        self.page.set_input_files(f"[data-file={what}]", path)

    def open(self, path: Path) -> None:
        self.give(path)
        self.see(".sl-view img[src]")

    def point(self, x: float, y: float) -> tuple[float, float]:
        """The place on the screen of a part of the frame."""
        box = self.page.locator(".sl-view").bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.point(x, y))

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def run(self) -> None:
        self.press("Run")
        self.see(".sl-results")

    def overflow(self) -> int:
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))
