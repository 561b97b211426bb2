"""Draw the pictures of the page and of a reframe that the documentation shows, from the demo clip.

    python benchmarks/pictures.py            all of them
    python benchmarks/pictures.py reframe    one: demo, reframe or serve

demo is the picture on the page itself; serve needs Chromium and Playwright.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from sightline import load
from sightline.apps.reframe import reframe
from sightline.data.synthetic import render_demo
from sightline.results.overlay import Overlay
from sightline.video import open_source

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
MOMENT = 70  # the frame of the demo picture
MOMENTS = (30, 140)  # the frames of the reframe


def draw_demo(clip: Path) -> None:
    """A frame of the clip, without and with what people look at, on either side of a slanted line."""
    for frame in load("wcsnet").predict(clip):
        if frame.index == MOMENT:
            break
    assert frame.mask is not None
    overlay = Image.fromarray(Overlay(frame.image.shape[:2]).draw(frame))
    plain = Image.fromarray(frame.image)
    x = float(np.flatnonzero(frame.mask.any(axis=0)).mean())
    height, slant = plain.height, 36
    side = Image.new("L", plain.size)
    ImageDraw.Draw(side).polygon(
        [(x + slant, 0), (plain.width, 0), (plain.width, height), (x - slant, height)], fill=255
    )
    plain.paste(overlay, (0, 0), side)
    ImageDraw.Draw(plain).line([(x + slant, 0), (x - slant, height)], "white", 3)
    left = int(min(max(0, x - 240), plain.width - 480))
    made = plain.crop((left, 60, left + 480, 330))
    made.save(ROOT / "src/sightline/apps/web/assets/demo.jpg", quality=82, optimize=True)


def draw_reframe(clip: Path) -> None:
    """The crop on the source beside the film, at two moments."""
    with tempfile.TemporaryDirectory() as folder:
        reframe(clip, folder, "9:16", preview=True)
        sheet = Image.new("RGB", (1076, 216), "white")
        left = 0
        for moment in MOMENTS:
            for name, width in (("preview", 384), ("reframed", 122)):
                with open_source(Path(folder) / f"{name}.mp4") as film:
                    image = next(frame.image for frame in film if frame.index == moment)
                sheet.paste(Image.fromarray(image).resize((width, 216), Image.Resampling.LANCZOS), (left, 0))
                left += width + 8
            left += 40
    save(sheet, IMAGES / "reframe.png")


def draw_serve(clip: Path) -> None:
    """The page after a run on the clip."""
    from playwright.sync_api import sync_playwright

    from sightline.apps.web import serving

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with serving(port=7869) as page, sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1180, "height": 1600})  # all that is drawn: nothing sticks to an edge
        tab.goto(page.url)
        tab.set_input_files("[data-file=media]", clip)
        tab.locator(".sl-view img[src]").wait_for()
        box = tab.locator(".sl-view").bounding_box()
        assert box is not None
        tab.mouse.click(box["x"] + 0.26 * box["width"], box["y"] + 0.6 * box["height"])
        tab.get_by_role("button", name="Run", exact=True).click()
        tab.locator(".sl-results").wait_for(timeout=300_000)
        tab.locator("[data-player=overlay] input").fill("4")
        tab.locator(".sl-scrub input").fill("100")
        tab.wait_for_timeout(1500)
        tab.evaluate("window.scrollTo(0, 0)")
        shot = Path(folder) / "page.png"
        bottom = tab.locator(".sl-controls").first.bounding_box()
        assert bottom is not None
        height = round(bottom["y"] + bottom["height"] + 8)
        tab.screenshot(path=shot, full_page=True, clip={"x": 0, "y": 0, "width": 1180, "height": height})
        browser.close()
        with Image.open(shot) as picture:
            small = picture.convert("RGB").resize((944, round(0.8 * picture.height)), Image.Resampling.LANCZOS)
    save(small, IMAGES / "serve.png")


def save(picture: Image.Image, path: Path) -> None:
    """As a PNG of 256 colours, which is small enough for a repository and keeps the rare bright ones."""
    picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1000} kB")


DRAWN = {"demo": draw_demo, "reframe": draw_reframe, "serve": draw_serve}


def main() -> None:
    """Draw those that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", nargs="*", default=list(DRAWN), help=", ".join(DRAWN))
    which = parser.parse_args().which
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "demo.mp4"
        render_demo(clip)
        for name in which:
            DRAWN[name](clip)


if __name__ == "__main__":
    main()
