"""Figures as files and as elements of a page."""

from __future__ import annotations

import dataclasses
import os
import re
from itertools import chain
from pathlib import Path
from xml.etree import ElementTree

import invented
import numpy as np
import numpy.typing as npt
import pytest
from matplotlib import font_manager

from spillover.errors import OutputError
from spillover.report import template
from spillover.report.figures import (
    Drawing,
    drawings,
    markup,
    style,
    write_drawings,
)
from spillover.report.figures import similarity as ridges
from spillover.report.figures.markup import inline

NAMES = {"ink", "muted", "grid", "paper", "before", "after", "parallel", "random"}


WORDS = {"1": '<b> & "はい"', "0": "No"}


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Drawing]]:
    return drawings(invented.results(3, words=WORDS, corpora=["x"]))


@pytest.fixture(scope="module")
def elements(drawn: dict[str, list[Drawing]]) -> dict[str, ElementTree.Element]:
    return {drawing.name: parsed(inline(drawing)) for drawing in of(drawn)}


def of(each: dict[str, list[Drawing]]) -> list[Drawing]:
    return list(chain.from_iterable(each.values()))


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - our own


def local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def test_an_element_says_what_it_is(
    drawn: dict[str, list[Drawing]], elements: dict[str, ElementTree.Element]
) -> None:
    for drawing in of(drawn):
        root = elements[drawing.name]
        assert root.get("role") == "img"
        title, desc = root[0], root[1]
        assert (local(title), local(desc)) == ("title", "desc")
        assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
        assert (title.text, desc.text) == (drawing.title, drawing.description)
        width, height = drawing.figure.get_size_inches() * 72
        box = [float(n) for n in root.get("viewBox", "").split()]
        assert box == pytest.approx([0, 0, width, height], abs=0.01)


def test_text_is_text_in_all_the_words_of_the_figure(
    drawn: dict[str, list[Drawing]], elements: dict[str, ElementTree.Element]
) -> None:
    for drawing in of(drawn):
        found = [e.text for e in elements[drawing.name].iter() if local(e) == "text"]
        assert sorted(map(str, found)) == sorted(
            text.get_text() for text in style.texts(drawing.figure)
        )
    [drawing] = drawn["confusions"]
    assert '&lt;b&gt; &amp; "はい"' in inline(drawing)


def test_ids_begin_with_the_name_and_no_two_are_the_same(
    drawn: dict[str, list[Drawing]], elements: dict[str, ElementTree.Element]
) -> None:
    ids = []
    for name, root in elements.items():
        own = [e.get("id") for e in root.iter() if e.get("id")]
        assert all(str(one).startswith(f"{name}-") for one in own)
        used = {e.get("{http://www.w3.org/1999/xlink}href") for e in root.iter()}
        assert {one.removeprefix("#") for one in used - {None}} <= {*own}
        ids += own
    assert len({*ids}) == len(ids)


def test_nothing_in_it_is_forbidden_by_a_strict_page(
    drawn: dict[str, list[Drawing]],
) -> None:
    for drawing in of(drawn):
        text = inline(drawing)
        assert not re.search(r"<style|style=|<script|url\(|<metadata|<!|<\?", text)


def test_every_colour_is_a_variable_with_its_fallback(
    elements: dict[str, ElementTree.Element],
) -> None:
    for root in elements.values():
        for element in root.iter():
            for name in ("fill", "stroke"):
                colour = element.get(name, "none")
                found = re.fullmatch(r"var\(--(\w+), (#\w{6})\)", colour)
                if colour != "none" or found:
                    assert found, (colour, element.tag)
                    assert style.COLOURS[found[1]] == found[2]
    assert {*style.COLOURS} == NAMES


def luminance(colour: str) -> float:
    """Relative luminance, as the contrast ratio of WCAG 2 takes it."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("name", sorted(NAMES - {"paper", "grid"}))
def test_text_has_contrast_enough_on_paper(name: str) -> None:
    assert 1.05 / (luminance(style.COLOURS[name]) + 0.05) >= 4.5


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
BLIND = {
    "protan": "0.152286 1.052583 -0.204868 0.114503 0.786281 0.099216 -0.003882 "
    "-0.048116 1.051998",
    "deutan": "0.367322 0.860646 -0.227968 0.280085 0.672501 0.047413 -0.011820 "
    "0.042940 0.968881",
    "tritan": "1.255528 -0.076749 -0.178779 -0.078411 0.930809 0.147602 0.004733 "
    "0.691367 0.303900",
}


def seen(colour: str, kind: str) -> npt.NDArray[np.float64]:
    """A colour in CIELAB (D65), as someone with a kind of colour blindness sees it."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    linear = np.clip(
        np.reshape([*map(float, BLIND[kind].split())], (3, 3)) @ linear, 0, 1
    )
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
    xyz = np.array(to_xyz) @ linear / (0.95047, 1, 1.08883)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", BLIND)
@pytest.mark.parametrize("pair", [("before", "after"), ("parallel", "random")])
def test_colours_that_stand_together_differ_for_everyone(
    pair: tuple[str, str], kind: str
) -> None:
    css = template.own("page.css")
    for theme in (0, 1):
        colours = [
            re.findall(rf"--{name}: light-dark\((.*)\)", css)[0] for name in pair
        ]
        one, other = (seen(each.split(", ")[theme], kind) for each in colours)
        assert np.linalg.norm(one - other) > 25
    printed = [seen(style.COLOURS[name], kind) for name in pair]
    assert np.linalg.norm(printed[0] - printed[1]) > 25


def test_fonts_installed_since_matplotlib_looked_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manager = font_manager.fontManager
    [*cjk] = [entry for entry in manager.ttflist if entry.name in style.CJK]
    there = font_manager.findSystemFonts()
    if not any("CJK" in path for path in there):
        pytest.skip("no font with Chinese and Japanese is installed")
    kept = [entry for entry in manager.ttflist if entry not in cjk]
    kept = [entry for entry in kept if "CJK" not in entry.fname]
    monkeypatch.setattr(manager, "ttflist", kept)
    style.families.cache_clear()
    assert {*style.families()} & {*style.CJK}
    style.families.cache_clear()


def test_paths_are_those_of_matplotlib_to_a_tenth_of_a_point() -> None:
    random = np.random.default_rng(0)
    points = np.repeat(random.uniform(0, 400, (50, 2)), 2, axis=0)
    points[1:, 0] = points[:-1, 0]  # steps
    data = "M " + "\nL ".join(f"{x:f} {y:f}" for x, y in points) + "\nz\n"
    x = y = 0.0
    found = []
    for step, numbers in re.findall(r"([MhvlLz])([^MhvlLz]*)", markup._path(data)):
        numbers = [float(n) for n in re.findall(r"-?[\d.]+", numbers)]
        if step == "M":
            x, y = numbers
        elif step != "z":
            x += numbers[0] if step in "hl" else 0
            y += numbers[-1] if step in "vl" else 0
        found.append((x, y))
    assert np.array(found[:-1]) == pytest.approx(points, abs=0.0501)


def test_curves_stay_what_they_are() -> None:
    data = "M 0 3 \nC 0.795609 3 1.55874 2.683901 2.12132 2.12132 \nz\n"
    assert markup._path(data) == "M 0 3 C 0.8 3 1.56 2.68 2.12 2.12 z"


def test_thirty_languages_in_four_states_are_small() -> None:
    few = {"corpora": ["x"], "poolings": ["mean"]}
    results = invented.results(31, tasks=["a", "b", "c"], **few)
    with style.drawing():
        drawing, *_ = ridges.draw(results)
    assert len(inline(drawing)) < 300_000


def written(folder: Path, each: dict[str, list[Drawing]]) -> dict[str, bytes]:
    """What `write_drawings` writes: name of the file -> bytes."""
    write_drawings(folder, each)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_are_the_same_each_time_and_hold_no_date(
    drawn: dict[str, list[Drawing]], tmp_path: Path
) -> None:
    first = written(tmp_path / "new" / "figures", drawn)
    stems = [d.name for d in of(drawn)]
    assert {*first} == {f"{stem}.{kind}" for stem in stems for kind in ("svg", "pdf")}
    again = drawings(invented.results(3, words=WORDS, corpora=["x"]))
    assert written(tmp_path / "new" / "figures", again) == first
    assert not any(b"CreationDate" in data for data in first.values())


def test_a_files_colours_are_colours(
    drawn: dict[str, list[Drawing]], tmp_path: Path
) -> None:
    name = drawn["scores"][0].name
    found = written(tmp_path, {"scores": drawn["scores"]})
    root = parsed(found[f"{name}.svg"].decode())
    fills = {element.get("fill", "none") for element in root.iter()}
    assert style.AFTER in fills
    assert not any("var" in fill for fill in fills)


def test_a_pdf_carries_its_fonts(
    drawn: dict[str, list[Drawing]], tmp_path: Path
) -> None:
    found = written(tmp_path, {"scores": drawn["scores"]})
    data = found[f"{drawn['scores'][0].name}.pdf"]
    assert data.startswith(b"%PDF")
    assert b"/FontFile2" in data
    assert b"/Type3" not in data


def test_a_font_of_postscript_outlines_is_not_passed_off_as_truetype(
    drawn: dict[str, list[Drawing]],
) -> None:
    used, missing = style.faces("はい")
    if missing or not any(markup._is_postscript(face) for face in used):
        pytest.skip("no such font with Japanese is installed")
    [drawing] = drawn["confusions"]
    assert b"/Type3" in markup.pdf(drawing)
    assert b"/FontFile2" not in markup.pdf(drawing)


def test_a_file_that_cannot_be_written_is_an_error(
    drawn: dict[str, list[Drawing]], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"\.svg: cannot be written"):
        write_drawings(tmp_path / "file" / "figures", {"scores": drawn["scores"]})


def test_a_failed_write_keeps_the_old_file(
    drawn: dict[str, list[Drawing]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = {"scores": drawn["scores"]}
    write_drawings(tmp_path, one)
    path = tmp_path / f"{drawn['scores'][0].name}.svg"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        write_drawings(tmp_path, one)
    assert path.read_text() == "old"
    assert len(os.listdir(tmp_path)) == 2


def test_figures_of_an_earlier_run_are_removed(
    drawn: dict[str, list[Drawing]], tmp_path: Path
) -> None:
    [one] = drawn["scores"]
    several = [one, dataclasses.replace(one, name="scores-another")]
    write_drawings(tmp_path, {"scores": several, "layers": []})
    for name in ("mine.svg", "scores-notes.txt", "layers-gone.pdf"):
        (tmp_path / name).touch()
    write_drawings(tmp_path, {"scores": several[:1], "layers": []})
    assert {path.name for path in tmp_path.iterdir()} == {
        *(f"{several[0].name}.{kind}" for kind in ("svg", "pdf")),
        *("mine.svg", "scores-notes.txt"),
    }
