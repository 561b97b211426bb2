"""Documents that are made to hurt end in a ValueError, on one line."""

from __future__ import annotations

import pytest

from sightline.untrusted import parse_json, parse_yaml


@pytest.mark.parametrize("parse", [parse_json, parse_yaml])
@pytest.mark.parametrize("text", ["[" * 100_000, "{" * 100_000, "{a", "\x00", '{"a": [1,'])
def test_no_document(parse: type, text: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse(text)
    assert "\n" not in str(caught.value)


def test_a_document_whose_aliases_repeat_it_without_end() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 9)]
    with pytest.raises(ValueError, match="more than 100000 values"):
        parse_yaml("\n".join(lines))


def test_a_document_that_holds_itself() -> None:
    with pytest.raises(ValueError, match=r"nested too deeply|more than"):
        parse_yaml("&a [*a, *a]")


@pytest.mark.parametrize("text", ["!!python/object/apply:os.getcwd []", "!thing {}", "? [1, 2]\n: 3", "? {a: 1}\n: 3"])
def test_tags_and_keys_that_are_no_plain_values(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_yaml(text)


def test_what_is_one() -> None:
    assert parse_yaml("a: &x [1, 2]\nb: *x") == {"a": [1, 2], "b": [1, 2]}
    assert parse_json('{"a": null}') == {"a": None}
