"""The web page in a real browser, as its visitors use it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from apps.web_model import Faces, Sociable
from web.visitor import Visitor

Arrive = Callable[..., Visitor]


def test_upload_click_run_play_and_download(arrive: Arrive, clip: Path, model: Sociable, tmp_path: Path) -> None:
    visitor = arrive()
    visitor.open(clip)
    assert visitor.see(".sl-hint").inner_text() == "Click on what to follow, or drag a box around it"
    visitor.click(0.25, 0.5)
    assert visitor.see(".sl-plan").inner_text() == "What you marked is followed."
    visitor.run()
    ((x, y),) = model.prompts[-1].points
    assert (x, y) == (pytest.approx(16, abs=0.3), pytest.approx(24, abs=0.3))

    page = visitor.page
    page.locator("[data-player=overlay]").get_by_role("button", name="Play").click()
    page.wait_for_function("[...document.querySelectorAll('video')].every(v => v.currentTime > 0.2)", timeout=10_000)
    sizes = page.evaluate("[...document.querySelectorAll('video')].map(v => [v.videoWidth, v.videoHeight, v.muted])")
    assert sizes == [[64, 48, True], [64, 48, False]]  # the source is silent beside the overlay with its sound

    with page.expect_download() as downloading:
        visitor.press("Download everything")
    target = tmp_path / "all.zip"
    downloading.value.save_as(target)
    assert downloading.value.suggested_filename == "clip-sightline.zip"
    assert {"results/clip/overlay.mp4", "results/clip/masks/00019.png"} <= set(zipfile.ZipFile(target).namelist())


def test_frames_are_scrubbed_with_layers_and_tables(arrive: Arrive, clip: Path) -> None:
    visitor = arrive()
    visitor.open(clip)
    visitor.run()
    page = visitor.page
    pictures = [visitor.see(".sl-view img").get_attribute("src")]

    def changed() -> None:
        page.wait_for_function("was => document.querySelector('.sl-view img').src !== was", arg=pictures[-1])
        pictures.append(visitor.see(".sl-view img").get_attribute("src"))

    names = ("Heat", "Mask", "Hotspot", "People", "Sound")
    for name in names:
        page.locator(".sl-switch").get_by_text(name, exact=True).click()
        changed()
    assert len(set(pictures)) == 1 + len(names)
    page.locator(".sl-scrub input").fill("12")
    changed()
    assert visitor.see(".sl-scrub output").inner_text() == "0:00.5"
    here = visitor.see("tr.sl-here").inner_text().split()
    assert (here[0], here[-2:]) == ("12", ["30.00", "0.8000"])  # of the people, where the person looks
    visitor.press("Sound")
    page.get_by_role("columnheader", name="tag", exact=True).wait_for()
    assert page.locator("tbody tr").nth(3).inner_text().split() == ["3", "0.120000", "1", "0.7500", "voice", "0.5000"]
    page.locator("tbody button").nth(3).click()
    changed()
    assert page.locator(".sl-scrub input").input_value() == "3"


def test_several_objects_boxes_and_what_is_not_meant(arrive: Arrive, clip: Path, model: Sociable) -> None:
    visitor = arrive()
    visitor.open(clip)
    page = visitor.page
    page.locator("[data-tool=not]").click()
    visitor.click(0.5, 0.5)
    assert visitor.see(".sl-plan").inner_text().startswith("First mark what to follow")
    page.locator("[data-tool=follow]").click()
    visitor.click(0.25, 0.25)
    page.locator("[data-tool=not]").click()
    visitor.click(0.75, 0.25)
    page.get_by_role("button", name="Another object").click()
    page.locator(".sl-scrub input").fill("10")
    page.wait_for_function("document.querySelector('.sl-scrub output').textContent === '0:00.4'")
    page.mouse.move(*visitor.point(0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*visitor.point(0.75, 0.75), steps=3)
    page.mouse.up()
    assert page.locator(".sl-list li").count() == 3
    assert visitor.see(".sl-plan").inner_text() == "2 objects are followed."
    visitor.run()
    first, second = model.prompts[-1].targets.values()
    assert (len(first[0].points), len(first[0].not_points), first[0].at_s) == (1, 1, 0)
    assert second[0].box == pytest.approx((32, 24, 48, 36), abs=0.5)
    assert second[0].at_s == pytest.approx(0.4)
    for _ in range(3):
        visitor.press("Undo")
    assert page.locator(".sl-list li").count() == 0


def test_a_table_of_fixations_and_a_reframe(arrive: Arrive, clip: Path, model: Sociable, tmp_path: Path) -> None:
    table = tmp_path / "seen.csv"
    table.write_text("subject,onset_s,duration_s,x_px,y_px\n1,0.0,0.8,20,10\n")
    visitor = arrive()
    visitor.open(clip)
    visitor.page.locator("summary").click()
    visitor.give(table, "fixations")
    visitor.see(".sl-table-name")
    assert visitor.see(".sl-plan").inner_text() == "With the fixations of seen.csv."
    visitor.run()
    fixations = model.prompts[-1].fixations
    assert fixations is not None
    assert len(fixations) == 20
    visitor.page.locator("label", has_text="1:1").click()
    visitor.press("Reframe")
    visitor.see("[data-player=reframe] video")
    visitor.page.wait_for_function("[...document.querySelectorAll('[data-player=reframe] video')].at(-1).videoWidth")
    size = "(v => [v.videoWidth, v.videoHeight])([...document.querySelectorAll('[data-player=reframe] video')].at(-1))"
    assert visitor.page.evaluate(size) == [48, 48]


def test_a_switch_that_would_change_nothing_says_why(arrive: Arrive, clip: Path) -> None:
    visitor = arrive()
    visitor.open(clip)
    page = visitor.page
    page.get_by_label("see whom you mark").check()
    visitor.run()
    switches = page.locator(".sl-switch input")
    able = "boxes => boxes.map(box => [box.value, !box.disabled, box.checked])"
    before = [["masks", True, True], ["objects", False, False], ["people", True, True]]
    assert switches.evaluate_all(able) == before
    assert visitor.see("#sl-blank").inner_text() == "Names: no object of this frame has a name."
    page.locator(".sl-scrub input").fill("12")
    visitor.see("#sl-blank:has-text('People: no head in this frame.')")
    assert switches.evaluate_all(able) == [*before[:2], ["people", False, True]]
    page.locator(".sl-scrub input").fill("3")
    page.wait_for_function("!document.querySelector('#sl-blank').textContent.includes('People')")
    assert switches.evaluate_all(able) == before


def test_faces_are_marked_by_a_click_or_a_box(arrive: Arrive, clip: Path, faces: Faces) -> None:
    visitor = arrive()
    visitor.open(clip)
    page = visitor.page
    page.get_by_label("see whom you mark").check()
    assert visitor.see(".sl-hint").inner_text() == "Click on a face, or drag a box around it"
    assert visitor.see(".sl-plan").inner_text() == "Nobody is marked: of everybody whose head is found."
    visitor.click(0.5, 0.9)  # nobody is there
    visitor.see(".sl-plan:has-text('No face was found there; drag a box around it.')")
    visitor.click(44 / 64, 14 / 48)
    visitor.see(".sl-plan:has-text('Of the person that you marked alone.')")
    page.mouse.move(*visitor.point(0.25, 0.5))
    page.mouse.down()
    page.mouse.move(*visitor.point(0.5, 0.75), steps=3)
    page.mouse.up()
    visitor.see(".sl-plan:has-text('Of the 2 people that you marked alone.')")
    page.locator(".sl-scrub input").fill("10")
    page.wait_for_function("document.querySelector('.sl-scrub output').textContent === '0:00.4'")
    assert visitor.see(".sl-objects [aria-pressed=true]").inner_text() == "1"
    page.get_by_role("button", name="Person 2", exact=True).click()
    page.mouse.move(*visitor.point(0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*visitor.point(0.75, 0.75), steps=3)
    page.mouse.up()
    assert page.locator(".sl-list li").count() == 3
    visitor.run()
    prompt = faces.prompts[-1]
    for frame, second in ((0, (16, 24, 32, 36)), (5, (24, 24, 40, 36)), (19, (32, 24, 48, 36))):
        heads = prompt.heads_of(frame)
        assert heads is not None
        assert heads == pytest.approx(np.array([(40, 8, 50, 20), second]), abs=0.5)
    page.get_by_label("See who looks at what, and who is heard").check()
    assert visitor.see(".sl-plan").inner_text() == "Nothing is marked: what draws the eye most is followed."


def test_a_hostile_file_is_one_message_and_the_page_goes_on(arrive: Arrive, clip: Path, tmp_path: Path) -> None:
    visitor = arrive()
    broken, page_file, large = tmp_path / "<img src=x onerror=alert(1)>.mp4", tmp_path / "evil.html", tmp_path / "l.mp4"
    broken.write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{clip}\n#EXT-X-ENDLIST\n")
    page_file.write_text("<script>alert(1)</script>")
    large.write_bytes(b"\0" * 2_100_000)
    for path, said in (
        (broken, "img-src-x-onerror-alert-1.mp4: not a video that can be read; export it again, as mp4"),
        (page_file, "evil.html: neither a video nor a picture by its name; give an mp4, mov, webm, jpg, png, ..."),
        (large, "l.mp4: larger than 2 MB, the most that this page takes"),
    ):
        visitor.give(path)
        visitor.see(f".sl-alert:has-text({said!r})")
        visitor.page.get_by_label("Dismiss the message").click()
    visitor.open(clip)
    assert not visitor.page.locator(".sl-alert").is_visible()


def test_two_visitors_wait_for_one_another_and_see_only_their_own(
    arrive: Arrive, clip: Path, model: Sociable, address: str
) -> None:
    first, second = arrive(), arrive()
    model.pause_s = 0.15
    first.open(clip)
    second.page.get_by_role("button", name="Try the demo clip").click()
    second.see(".sl-view img[src]")
    first.press("Run")
    first.see(".sl-progress:has-text('Looking')")
    second.press("Run")
    second.see(".sl-progress:has-text('In the queue, 1 before you')")
    first.press("Stop")
    first.see(".sl-results")
    assert 0 < int(first.see(".sl-told").inner_text().split()[0]) < 20
    model.pause_s = 0.0
    second.see(".sl-results")
    assert second.see(".sl-told").inner_text().startswith("10 frames")
    films = [visitor.see("video").get_attribute("src") for visitor in (first, second)]
    folders = [film.partition("file=")[2].split("/") for film in films]
    token = next(part for part in folders[0] if len(part) >= 32)
    assert token not in folders[1]
    root = "/".join(folders[0][: folders[0].index(token)])
    for path in (root, f"{root}/{token}", f"{root}/{'a' * len(token)}/x.mp4", f"{root}/demo.mp4", "/etc/passwd"):
        assert second.page.request.get(f"{address}gradio_api/file={path}").status in (403, 404)


def test_the_keyboard_is_enough(arrive: Arrive, model: Sociable) -> None:
    visitor = arrive()
    page = visitor.page

    def tab_to(selector: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        pytest.fail(f"Tab does not reach {selector}")

    tab_to("[data-file=media]")
    tab_to("[data-do=demo]")
    page.keyboard.press("Enter")
    visitor.see(".sl-view:focus")
    for key in ("ArrowLeft", "Shift+ArrowUp", "Enter"):
        page.keyboard.press(key)
    tab_to("[data-do=follow]")
    page.keyboard.press("Enter")
    visitor.see(".sl-results")
    ((x, y),) = model.prompts[-1].points
    assert (x, y) == (31, 21)
    tab_to("[data-player=overlay] .sl-play")
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('[data-player=overlay] video:last-of-type').currentTime > 0.1")
    tab_to(".sl-form button")


def test_run_is_in_view_however_low_the_screen(arrive: Arrive, clip: Path) -> None:
    visitor = arrive(height=450)
    visitor.open(clip)
    button = visitor.page.get_by_role("button", name="Run", exact=True)
    place = button.bounding_box()
    assert place["y"] + place["height"] <= 450
    assert visitor.page.evaluate("scrollY") == 0
    button.click()
    visitor.see(".sl-results")


def test_a_narrow_screen_holds_the_page(arrive: Arrive, clip: Path) -> None:
    visitor = arrive(width=400, height=800)
    assert visitor.overflow() <= 0
    visitor.open(clip)
    assert visitor.overflow() <= 0
    visitor.run()
    visitor.press("Reframe")
    visitor.see("[data-player=reframe] video")
    assert visitor.overflow() <= 0
    cut = """[...document.querySelectorAll('.sl button, .sl input, .sl select, .sl video')].filter(e => {
        const box = e.getBoundingClientRect();
        return box.width && !e.closest('.sl-scroll') && (box.left < 0 || box.right > innerWidth);
    }).length"""
    assert visitor.page.evaluate(cut) == 0
