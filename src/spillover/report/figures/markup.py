"""Figures as SVG, small and fit to stand beside others in a page, and as PDF."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from copy import deepcopy
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from spillover.report.figures import Drawing
from spillover.report.figures.style import (
    CJK,
    COLOURS,
    INK,
    LATIN,
    SMALL,
    drawing,
    faces,
    texts,
)

_VARIABLES = {value: f"var(--{name}, {value})" for name, value in COLOURS.items()}
_FONTS = ", ".join(f"'{name}'" for name in (*LATIN, *CJK)) + ", sans-serif"
_INHERITED = {
    "fill": INK,
    "font-size": f"{SMALL:.10g}px",
    "stroke-linejoin": "round",
    "stroke-linecap": "butt",
}
"""What is said once, for all that does not differ."""
_UNNEEDED = {"metadata", "style", "clipPath"}
_STRAIGHT = re.compile(r"[MLz\s\d.e-]*")
_STEP = re.compile(r"([MLz])([^MLz]*)")
_LONG = re.compile(r"-?\d*\.\d+(?:e-?\d+)?")


def inline(of: Drawing) -> str:
    """The `<svg>` element that stands in an HTML page.

    It has a title and a description for screen readers, its text is text, and its ids
    begin with the drawing's name. Colours are CSS variables with a fallback: --ink,
    --muted, --grid, --paper, --before, --after, --parallel, --random. It has no `style`
    attribute or element, which a page's content security policy may forbid.
    """
    root = deepcopy(of.element)
    for element in root.iter():
        for name in ("fill", "stroke"):
            if name in element.attrib:
                value = element.attrib[name]
                element.set(name, _VARIABLES.get(value, value))
    return ElementTree.tostring(root, encoding="unicode")


def document(of: Drawing) -> bytes:
    """A file for programs that know no CSS, on white wherever it is shown."""
    root = deepcopy(of.element)
    whole = {"width": "100%", "height": "100%", "fill": COLOURS["paper"]}
    root.insert(2, Element("rect", whole))  # after title and description
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()


def pdf(of: Drawing) -> bytes:
    """With its fonts: as TrueType, or as outlines where a font is none.

    matplotlib embeds a font with PostScript outlines, as the Noto fonts for Chinese and
    Japanese are, under the wrong type, which not every reader forgives.
    """
    used, _ = faces("".join(text.get_text() for text in texts(of.figure)))
    kind = 3 if any(_is_postscript(face) for face in used) else 42
    none = {"CreationDate": None, "Creator": None, "Producer": None}
    stream = io.BytesIO()
    with drawing(**{"pdf.fonttype": kind}):
        of.figure.savefig(stream, format="pdf", metadata=none | {"Title": of.title})
    return stream.getvalue()


def _is_postscript(face: str) -> bool:
    number = getattr(face, "face_index", 0)  # since matplotlib 3.11
    with TTFont(face, fontNumber=number, lazy=True) as font:
        return bool(font.sfntVersion == "OTTO")


def element(of: Drawing) -> Element:
    """matplotlib's SVG without all that a page does not need."""
    stream = io.BytesIO()
    with drawing(**{"svg.fonttype": "none", "svg.hashsalt": of.name}):
        of.figure.savefig(stream, format="svg", transparent=True)
    # What is read here was written two lines above.
    whole = ElementTree.fromstring(stream.getvalue())  # noqa: S314
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "xmlns:xlink": "http://www.w3.org/1999/xlink",
            **{name: whole.attrib[name] for name in ("width", "height", "viewBox")},
            "role": "img",
            "aria-labelledby": f"{of.name}-title {of.name}-desc",
            "font-family": _FONTS,
            **_INHERITED,
        },
    )
    for tag, text in (("title", of.title), ("desc", of.description)):
        told = ElementTree.SubElement(root, tag, {"id": f"{of.name}-{tag}"})
        told.text = text
    for child in whole:
        root.extend([*_small(child)])
    _rename(root, of.name)
    return root


def _small(element: Element) -> Iterator[Element]:
    """An element with short numbers and plain attributes; groups give their members."""
    tag = element.tag.rpartition("}")[2]
    if tag in _UNNEEDED:
        return
    members = [small for child in element for small in _small(child)]
    if tag == "g" or (tag == "defs" and not members):
        yield from members
        return
    made = Element(tag, dict(_attributes(element)))
    made.text = element.text if tag == "text" else None
    made.extend(members)
    if tag == "path" and "id" not in made.attrib and _is_blank(made):
        return
    yield made


def _attributes(element: Element) -> Iterator[tuple[str, str]]:
    """Attributes without namespaces, and each declaration of the style as one."""
    for key, value in element.attrib.items():
        name = key.rpartition("}")[2]
        if name == "style":
            for declaration in filter(None, value.split(";")):
                key, value = (part.strip() for part in declaration.split(":"))
                if key != "font-family" and _INHERITED.get(key) != value:
                    yield key, _rounded(value)
        elif name == "href":
            yield "xlink:href", value
        elif name == "d":
            yield name, _path(value)
        elif name == "id":
            yield name, value
        elif name != "clip-path" and not value.startswith("rotate(-0 "):
            yield name, _rounded(value)


def _is_blank(path: Element) -> bool:
    return path.get("fill") == "none" and path.get("stroke", "none") == "none"


def _rename(root: Element, name: str) -> None:
    """Ids that no other figure of the page has, for what is referred to."""
    wanted = {
        href.removeprefix("#")
        for element in root.iter("use")
        if (href := element.get("xlink:href"))
    }
    names: dict[str, str] = {}
    for element in root.iter():
        old = element.get("id")
        if old in wanted:
            names[f"#{old}"] = f"{name}-{len(names)}"
            element.set("id", names[f"#{old}"])
        elif old is not None and element.tag not in ("title", "desc"):
            del element.attrib["id"]
    for element in root.iter("use"):
        element.set("xlink:href", "#" + names[str(element.get("xlink:href"))])


def _path(data: str) -> str:
    """The same path in fewer letters: straight lines by how far they go."""
    if not _STRAIGHT.fullmatch(data):
        return _rounded(" ".join(data.split()))
    parts = []
    x = y = 0.0
    for command, numbers in _STEP.findall(data):
        if command == "z":
            parts.append("z")
            continue
        to_x, to_y = (round(float(number), 1) for number in numbers.split())
        if command == "M":
            parts.append(f"M{to_x:.10g} {to_y:.10g}")
        elif to_y == y:
            parts.append(f"h{round(to_x - x, 1):.10g}")
        elif to_x == x:
            parts.append(f"v{round(to_y - y, 1):.10g}")
        else:
            parts.append(f"l{round(to_x - x, 1):.10g} {round(to_y - y, 1):.10g}")
        x, y = to_x, to_y
    return "".join(parts)


def _rounded(text: str) -> str:
    return _LONG.sub(lambda match: f"{round(float(match.group()), 2):.10g}", text)
