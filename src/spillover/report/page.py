"""The page that a run ends in: one HTML file that needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spillover import published
from spillover.languages import language
from spillover.report import template
from spillover.report.answer import answer
from spillover.report.examples import BYTES, examples
from spillover.report.panel import Panel, html

if TYPE_CHECKING:
    from markupsafe import Markup

    from spillover.analysis.verdict import Verdict
    from spillover.data.dataset import DataSet
    from spillover.report.figures import Drawing
    from spillover.results import Results

QUESTIONS = ("Does it carry over?", "To which languages?", "Why?")

SECTIONS = {
    "scores": "Scores before and after tuning",
    "similarity": "Similarity of parallel and of random sentences",
    "layers": "Similarity, layer by layer",
    "correlation": "Scores after tuning against similarity before",
    "confusions": "What was answered to what",
}
"""What drawings are about -> the heading above them."""

PAGE = 2_800_000
"""The bytes that figures, tables and examples may take together."""


def render(results: Results, drawings: Mapping[str, Sequence[Drawing]]) -> str:
    """The page, as HTML.

    Args:
        results: what was found; its folder holds `study.yaml`, `versions.json` and,
            unless they were taken away, the predictions.
        drawings: the figures, as `spillover.report.figures.drawings` gives them.

    Raises:
        DataError: the folder lacks one of those files.
    """
    sections = _sections(results, drawings)
    drawn = _fitted(sections)
    groups = examples(results.study, results.folder, min(BYTES, PAGE - drawn))
    return fill(
        "page.html.j2",
        study=results.study,
        languages={code: language(code).name for code in results.study.languages},
        metrics=results.metrics,
        answer=zip(QUESTIONS, answer(results), strict=True),
        claims=_claims(results.findings()),
        sections=sections,
        groups=groups,
        shown=sum(len(group["rows"]) for group in groups),
        total=sum(group["total"] for group in groups),
        data=_json(groups),
        remarks=results.lint.fillna({"language": "", "example": ""}).to_dict("records"),
        as_run=results.kept("study.yaml"),
        command=results.command,
        versions=results.versions,
        method=published.load("xie2024").citation,
        sources=_sources(results),
    )


def fill(name: str, **values: Any) -> str:
    """One of our templates, with the style, the script and the policy of all pages."""
    css, js = template.own("page.css"), template.own("page.js")
    page = template.fill(
        name, policy=_policy(css, js), css=_safe(css), js=_safe(js), **values
    )
    # HTML has no way to say these: a reader would see something else, or nothing.
    return re.sub("[\0\ud800-\udfff]", "\ufffd", page)


def _policy(css: str, js: str) -> str:
    """What the page may do: its own style and script, and nothing over the network."""
    style, script = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (css, js)
    )
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src "
        f"'sha256-{script}'; base-uri 'none'; form-action 'none'"
    )


def _safe(text: str) -> Markup:
    """Our own text, which is not escaped."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704


def _json(data: Any) -> Markup:
    """Data inside a `script` element, which no text in them can end."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for char in "<\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return _safe(text)


def _claims(verdicts: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    claims: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        claims.setdefault(verdict.claim, []).append(verdict)
    return claims


def _sections(
    results: Results, drawings: Mapping[str, Sequence[Drawing]]
) -> list[dict[str, Any]]:
    """Figures, and the tables with their numbers, under each heading."""
    from spillover.report.figures.markup import inline

    scores, similarity, correlation = results.paper_panels()
    behind_scores, behind_correlations = results.evidence_panels()
    details_of_scores, by_measure = results.detail_panels()
    panels: dict[str, list[Panel]] = {
        "scores": [*scores, *behind_scores, *details_of_scores],
        "similarity": similarity,
        "correlation": [*correlation, *behind_correlations, *by_measure],
    }
    return [
        {
            "name": name,
            "heading": heading,
            "figures": [(d, _safe(inline(d))) for d in drawings[name]],
            "left_out": False,
            "tables": [(panel.heading, html(panel)) for panel in panels.get(name, ())],
        }
        for name, heading in SECTIONS.items()
        if drawings[name] or panels.get(name)
    ]


def _fitted(sections: Sequence[dict[str, Any]]) -> int:
    """The bytes of all figures and tables.

    Where they are too many, figures go: those over layers, then the largest.
    """

    def size(*parts: dict[str, Any]) -> int:
        shown = (each for part in parts for each in part["figures"] + part["tables"])
        return sum(len(markup.encode()) for _, markup in shown)

    drawn = [part for part in sections if part["figures"]]
    for part in sorted(drawn, key=lambda part: (part["name"] != "layers", -size(part))):
        if size(*sections) <= PAGE:
            break
        part |= {"figures": [], "left_out": True}
    return size(*sections)


def _sources(results: Results) -> list[tuple[str, str]]:
    """Each task and corpus, with what is to be cited, its licence, and its home."""
    study = results.study
    used: list[DataSet] = [use.resolve() for use in study.tasks]
    used += [use.resolve() for use in study.corpora]
    return [
        (
            each.name,
            "; ".join(filter(None, (each.citation, each.licence, each.homepage))),
        )
        for each in used
    ]
