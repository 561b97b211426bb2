"""Sources in stores, results in stores, tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from apps.batch.model import load_blobs
from hostile.corpus import write_video
from sightline.apps.batch import Batch, Job, store
from sightline.apps.batch.listing import list_items
from sightline.apps.batch.store import find, join, place_at
from sightline.apps.outcome import Outcome
from sightline.errors import OutputError, SourceError, UsageError
from sightline.results.outputs import MASKS
from sightline.video import open_source

pq = pytest.importorskip("pyarrow.parquet")


def job(out: object, **how: Any) -> Job:
    return Job(str(out), **{"save": ("masks", "hotspots"), "load": load_blobs, "device": "cpu", "threads": 1, **how})


def test_a_hub_that_breaks_off_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    base: Any = pytest.importorskip("fsspec").AbstractFileSystem

    class Broken(base):  # type: ignore[misc]
        cachable = False

        def info(self, path: str, **how: Any) -> Any:
            raise Broke("peer closed connection")

        ls = info

    class Broke(Exception):
        """As the errors of HTTP clients are: of no kind that another library knows."""

    monkeypatch.setattr("huggingface_hub.HfFileSystem", Broken)
    store._store.cache_clear()
    with pytest.raises(SourceError, match=r"hf://datasets/me/films: cannot be listed \(peer closed connection\)"):
        find("hf://datasets/me/films")
    with pytest.raises(OutputError, match=r"hf://datasets/me/out/x: peer closed connection"):
        place_at("hf://datasets/me/out").names("x")
    store._store.cache_clear()


def test_sources_and_results_in_an_s3_like_store(bucket: str, tmp_path: Path) -> None:
    films = place_at(f"s3://films{bucket}")
    for number in range(2):
        films.write(f"in/film {number}.mp4", write_video(tmp_path / f"{number}.mp4", frames=4 + number))
    films.write("in/deep/broken.mp4", b"no video" * 99)
    out = f"s3://films/out{bucket}"
    report = Batch(job(out), workers=1).over([f"s3://films/in/**/*.mp4{bucket}"])
    results = place_at(out)
    assert (report.done, report.failed, report.frames) == (2, 1, 9), results.read("failures.jsonl")
    (failed,) = [json.loads(line) for line in (results.read("failures.jsonl") or b"").splitlines()]
    assert failed["source"] == f"s3://films/in/deep/broken.mp4{bucket}"
    assert failed["source"] in failed["error"]
    assert "/tmp" not in failed["error"]
    assert results.names("film-1/masks") == [f"{frame:05d}.png" for frame in range(5)]
    outcomes: list[Outcome] = []
    told = Batch(job(out), workers=1, step=outcomes.append).over([f"s3://films/in/film 1.mp4{bucket}"])
    assert (told.skipped, outcomes[0].output) == (1, f"s3://films/out/film-1/summary.json{bucket}")
    assert json.loads(results.read("film-1/summary.json") or b"")["source"] == f"s3://films/in/film 1.mp4{bucket}"
    films.write("in/film 1.mp4", write_video(tmp_path / "1.mp4", frames=3))
    again = Batch(job(out), workers=1).over([f"s3://films/in/film*.mp4{bucket}"])
    assert (again.done, again.skipped) == (1, 1)
    assert results.names("film-1/masks") == ["00000.png", "00001.png", "00002.png"]
    assert results.names(".batch/tries") == []
    table = f"s3://films/table{bucket}"
    assert Batch(job(table, form="parquet"), workers=1).over([f"s3://films/in/film*.mp4{bucket}"]).done == 2
    with place_at(table).open("results.parquet") as file:
        assert pq.read_table(file).num_rows == 4 + 3


def test_what_is_wrong_with_a_store_is_said(bucket: str) -> None:
    with pytest.raises(SourceError, match=r"none/.*nothing is there"):
        find(f"s3://films/none/*.mp4{bucket}")
    with pytest.raises(OutputError, match="NO_SUCH_BUCKET"):
        place_at(f"s3://nobucket/x{bucket}").write("a", b"x")


def test_a_scheme_that_nobody_knows_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match=r"foo://host.*s3://"):
        find("foo://host/*.mp4")


def test_a_store_with_folders_gets_whole_files(tmp_path: Path) -> None:
    """file:// is written to as hdfs:// is: beside, then renamed."""
    place = place_at(f"file://{tmp_path}")
    place.write("a/b.txt", b"one")
    place.write("a/b.txt", b"two")
    assert (place.read("a/b.txt"), place.read("a/c.txt"), place.names("a"), place.names("x")) == (
        b"two",
        None,
        ["b.txt"],
        [],
    )
    assert find(f"file://{tmp_path}/a/*.txt") == [f"file://{tmp_path}/a/b.txt"]
    assert find(f"file://{tmp_path}/a") == [f"file://{tmp_path}/a/b.txt"]
    place.remove("a")
    assert not (tmp_path / "a").exists()


def test_one_table_has_all_sources_and_their_masks(tmp_path: Path) -> None:
    mask_of = pytest.importorskip("pycocotools.mask").decode
    for number in range(3):
        write_video(tmp_path / f"film{number}.mp4", frames=4 + number)
    out = tmp_path / "out"
    assert Batch(job(out, form="parquet"), workers=1).over([f"{tmp_path}/film*.mp4"]).done == 3
    table = pq.read_table(out / "results.parquet")
    assert table.num_rows == 4 + 5 + 6
    rows = [row for row in table.to_pylist() if row["source"].endswith("film2.mp4")]
    assert [row["frame"] for row in rows] == list(range(6))
    assert all(row["complete"] for row in rows)
    Batch(job(tmp_path / "folders"), workers=1).over([f"{tmp_path}/film2.mp4"])
    for row in rows:
        (thing,) = row["objects"]
        png = MASKS.read(tmp_path / f"folders/film2/masks/{row['name']}.png")
        assert (mask_of(thing["segmentation"]) == (png == thing["object"])).all()
    with open_source(tmp_path / "film2.mp4") as source:
        assert [row["time_s"] for row in rows] == [frame.time_s for frame in source]
    write_video(tmp_path / "film3.mp4", frames=7)
    more = Batch(job(out, form="parquet"), workers=1).over([f"{tmp_path}/film*.mp4"])
    assert (more.done, more.skipped) == (1, 3)
    assert pq.read_table(out / "results.parquet").num_rows == 4 + 5 + 6 + 7


def test_lists_and_patterns_give_each_source_once_with_a_name_of_its_own(tmp_path: Path) -> None:
    for name in ("a/one.mp4", "b/one.mp4", "b/two.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    listed = tmp_path / "list.txt"
    listed.write_text(f"# films\n\n{tmp_path}/a/one.mp4\n{tmp_path}/b/*.mp4\n")
    items = dict(list_items([f"{tmp_path}/b/two.mp4"], [str(listed)]))
    assert [Path(source).parent.name for source in items] == ["b", "a", "b"]
    names = list(items.values())
    assert names[0] == "two"
    assert len(set(names)) == 3
    assert all(name.startswith("one-") for name in names[1:])
    alone = dict(list_items([f"{tmp_path}/b/one.mp4", f"{tmp_path}/a/one.mp4"]))
    assert {items[source] for source in alone} == set(alone.values())
    with pytest.raises(SourceError, match="cannot be read"):
        list_items([], [str(tmp_path / "none.txt")])


def test_options_of_an_address_stay_at_its_end() -> None:
    assert join("s3://films/out?region=us-east-1", "failures.jsonl") == "s3://films/out/failures.jsonl?region=us-east-1"
