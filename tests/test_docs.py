"""The pages hold: they build, their links lead somewhere, and their code runs."""

from __future__ import annotations

import io
import itertools
import re
import runpy
import shlex
import shutil
import sys
import warnings
from contextlib import redirect_stderr
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import typer
import yaml
from typer.main import get_command

import spillover
from pages import CHECKOUT, DOCS, NAMES, blocks, commands, files, tokens
from spillover import cli
from spillover.data import registry
from spillover.languages import LANGUAGES
from spillover.pipeline.plan import outline
from spillover.study import parse_study
from spillover.study_file import read_study

if TYPE_CHECKING:
    from tests.conftest import TinyStudy

    from spillover.results import Results

RUN_HERE = {"docs/method.md", "docs/similarity.md", "docs/statistics.md"}
RUN_HERE |= {"docs/own-model.md", "docs/own-task.md", "docs/own-language.md"}
RUN_HERE |= {"docs/tutorial.md", "docs/compare.md", "docs/lint.md"}
RUN_ELSEWHERE = {
    "README.md": "test_readme.py",
    "README.ja.md": "test_readme.py",  # as the English one, line by line
    "docs/diagnostics.md": "analysis/test_summaries.py",
    "docs/rouge.md": "test_rouge.py",
}
COMPILED = {"docs/push.md"}  # writes to the Hub


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages."""
    from sphinx.cmd import build

    folder = tmp_path_factory.mktemp("site")
    words = ["-q", "-W", "-n", "--keep-going", str(DOCS), str(folder)]
    told = io.StringIO()
    # Here, where torch and transformers are loaded; warnings of Sphinx's own are its.
    with redirect_stderr(told), warnings.catch_warnings(action="ignore"):
        failed = build.main(words)
    assert not failed, told.getvalue()
    return folder


def test_the_pages_build_without_a_warning_and_need_no_network(site: Path) -> None:
    built = {
        str(page.relative_to(site).with_suffix("")) for page in site.rglob("*.html")
    }
    assert built >= {name[5:-3] for name in NAMES if name.startswith("docs/")}
    fetched = r'<(?:script|img|iframe|link rel="stylesheet")[^>]*(?:src|href)="https?:'
    for page in site.rglob("*.html"):
        assert not re.search(fetched, page.read_text("utf-8")), page


def test_formulas_are_drawn(site: Path) -> None:
    drawn = re.findall("<math.*?</math>", (site / "method.html").read_text("utf-8"))
    assert len(drawn) > 40
    assert not [formula for formula in drawn if "\\" in formula]  # an unknown command


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    for token in tokens(name):
        link = token.attrGet("href") or token.attrGet("src")
        if link is None:
            continue
        parts = urlsplit(str(link))
        if parts.scheme:
            assert parts.scheme in ("https", "http"), link
            assert re.fullmatch(r"[\w.-]+\.[a-z]+", parts.netloc), link
            continue
        there = ((CHECKOUT / name).parent / parts.path).resolve()
        target = there if parts.path else CHECKOUT / name
        assert target.is_file(), f"{name}: {link}"
        if parts.fragment:
            beside = tokens(str(target.relative_to(CHECKOUT)))
            assert parts.fragment in {part.attrGet("id") for part in beside}, link


def understood(line: str) -> None:
    """Raise what the command line says to a call, as far as it reads its arguments."""
    words = shlex.split(line, comments=True)[1:]
    words = list(itertools.takewhile(lambda word: word not in ("|", ">", "&&"), words))
    command: Any = get_command(cli.app)
    while words and not words[0].startswith("-") and hasattr(command, "commands"):
        assert words[0] in command.commands, line
        command = command.commands[words.pop(0)]
    if not words and hasattr(command, "commands"):
        return  # a group is mentioned
    if words != ["--help"]:
        command.make_context(command.name, words)


@pytest.mark.parametrize("name", NAMES)
def test_commands_are_those_of_the_command_line(name: str) -> None:
    for line in commands(name, "spillover"):
        try:
            understood(line)
        except typer.BadParameter as error:
            # What is only mentioned needs no arguments.
            if not str(error).startswith("Missing parameter"):
                raise
    targets = re.findall(r"^(\w+):", (CHECKOUT / "Makefile").read_text("utf-8"), re.M)
    for line in commands(name, "make"):
        assert shlex.split(line, comments=True)[1] in targets


@pytest.mark.parametrize(
    "line",
    ["spillover go", "spillover run quickstart --dry", "spillover tune --rows 3"],
)
def test_another_command_is_found_out(line: str) -> None:
    with pytest.raises(Exception, match=r"spillover go|No such option|Missing param"):
        understood(line)


@pytest.mark.parametrize("name", [name for name in NAMES if blocks(name, "yaml")])
def test_studies_are_studies(name: str) -> None:
    """A part of one is tried in the quickstart."""
    quickstart = read_study("quickstart").model_dump(mode="json")
    for block in blocks(name, "yaml"):
        for use in parse_study(quickstart | yaml.safe_load(block)).tasks:
            use.resolve()


def test_all_python_is_run() -> None:
    known = RUN_HERE | RUN_ELSEWHERE.keys() | COMPILED
    assert {name for name in NAMES if blocks(name, "python")} == known
    for test in RUN_ELSEWHERE.values():
        assert (CHECKOUT / "tests" / test).is_file()


@pytest.mark.parametrize("name", sorted(COMPILED))
def test_what_is_not_run_is_python(name: str) -> None:
    for block in blocks(name, "python"):
        compile(block, name, "exec")


def python(name: str) -> str:
    return "\n".join(blocks(name, "python"))


@pytest.mark.parametrize("name", ["docs/similarity.md", "docs/method.md"])
def test_an_example_prints_what_it_says(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(python(name), {})  # noqa: S102 - our own text
    assert [capsys.readouterr().out] == blocks(name, "text")


def test_the_finding_of_the_statistics_page_is_one(
    tiny_done: tuple[TinyStudy, Results],
) -> None:
    names: dict[str, Any] = {}
    exec(python("docs/statistics.md"), names)  # noqa: S102 - our own text
    verdict = tiny_done[1].findings([names["beats_chance"]])[-1]
    assert verdict.finding == "beats-chance"
    assert verdict.decision in ("supported", "not decidable")
    assert "of 4 scores are above 0.5" in verdict.sentence


@pytest.mark.parametrize(
    "path", sorted((CHECKOUT / "benchmarks").glob("*.py")), ids=lambda path: path.stem
)
def test_what_a_benchmark_imports_is_there(path: Path) -> None:
    assert callable(runpy.run_path(str(path))["main"])


def test_functions_that_pages_name_are_there() -> None:
    named = {
        token.content
        for name in NAMES
        for token in tokens(name)
        if token.type == "code_inline"
        and re.fullmatch(r"spillover(\.\w+)+", token.content)
    }
    assert "spillover.analysis.similarity.similarity" in named
    for name in named:
        assert resolve_name(name)


@pytest.mark.parametrize("name", ["study_keys", "commands"])
def test_what_the_code_says_of_itself_is_on_its_page(name: str) -> None:
    written = runpy.run_path(str(DOCS / f"{name}.py"))["page"]()
    path = DOCS / f"{name.replace('_', '-')}.md"
    fresh = path.read_text("utf-8") == written
    assert fresh, f"python docs/{name}.py writes the page anew"


def test_the_public_names_are_all_described() -> None:
    text = (DOCS / "api.md").read_text("utf-8")
    named = re.findall(r"auto\w+:: spillover\.(\w+)$", text, re.M)
    assert sorted(named) == spillover.__all__


def test_files_are_where_the_page_on_the_paper_says() -> None:
    sources = [registry.task(name) for name in ("pawsx", "xnli", "xlsum")]
    paths = {file.path for source in sources for file in source.files}
    pud = registry.corpus("pud").files
    paths |= {file.path for file in pud if file.languages == ("en",)}
    code = {token.content for token in tokens("docs/paper.md")}
    assert paths == {text for text in code if re.search(r"^[\w/]+/\S+\.\w+$", text)}


def test_what_the_tutorial_says_of_the_quickstart() -> None:
    text = (DOCS / "tutorial.md").read_text("utf-8")
    steps = len(outline(read_study("quickstart")))
    assert f"lists {steps} steps" in text
    readme = (CHECKOUT / "README.md").read_text("utf-8")
    printed = [
        token.content.splitlines()
        for token in tokens("docs/tutorial.md")
        if token.type == "code_block" and len(token.content.splitlines()) > 1
    ]
    [live, *quoted] = printed
    assert live[0].endswith(f" of {steps} steps done")
    assert len(quoted) == 2
    for line in itertools.chain(*quoted):
        assert f"\n    {line}\n" in readme
    assert "a constant answer gets 0.50" in " ".join(readme.split())


@pytest.mark.parametrize("name", ["docs/tutorial.md", "docs/compare.md"])
def test_what_is_read_from_runs(
    name: str,
    tiny_done: tuple[TinyStudy, Results],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As it stands, but for the name of a task; the runs are a tiny one, copied."""
    for run in ("quickstart", "small", "large"):
        shutil.copytree(tiny_done[0].out, tmp_path / "runs" / run)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("spillover.report.compare_page.render", lambda *_: "")
    exec(python(name).replace("mini-inference", "opinions"), {})  # noqa: S102 - our own
    assert "opinions" in capsys.readouterr().out


@pytest.mark.real_model
def test_the_linters_page() -> None:
    names: dict[str, Any] = {}
    exec(python("docs/lint.md"), names)  # noqa: S102 - our own text
    assert {"answer_tokens", "fertility"} <= {it.check for it in names["remarks"]}


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize("page", ["own-model", "own-task", "own-language"])
def test_an_example_of_ones_own_runs(
    page: str,
    tiny_folders: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As it stands: its files, its commands, its Python; but with a tiny model."""
    monkeypatch.chdir(tmp_path)
    for name in ("HF_HUB_OFFLINE", "TQDM_DISABLE"):
        monkeypatch.setenv(name, "1")  # set by the commands: to be taken back
    shutil.copytree(tiny_folders["bos"], "models/mine")
    for name, text in files(f"docs/{page}.md").items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(with_tiny_model(text), encoding="utf-8")
    if page == "own-language":
        monkeypatch.setitem(LANGUAGES, "wo", LANGUAGES["en"])  # taken back afterwards
        write_parallel_text(Path("data"))
    for line in commands(f"docs/{page}.md", "spillover"):
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as exit:
            cli.main()
        assert not exit.value.code, line + capsys.readouterr().err
    names = {"__name__": "__main__"}
    exec(with_tiny_model(python(f"docs/{page}.md")), names)  # noqa: S102 - our own text
    assert capsys.readouterr().out


def with_tiny_model(text: str) -> str:
    return text.replace("smollm2-135m-instruct", "models/mine")


def write_parallel_text(folder: Path) -> None:
    """The files that the page on languages describes and does not show."""
    table = [
        line.split(",") for line in (folder / "table.csv").read_text().splitlines()
    ]
    for place, (code, name) in enumerate(
        {"en": "eng_Latn", "fr": "fra_Latn", "wo": "wol_Latn"}.items(), start=1
    ):
        rows = [(row[0], row[place]) for row in table[1:]]
        lines = "".join(f"{text}\n" for _, text in rows)
        trees = "".join(
            f"# sent_id = {id}\n# text = {text}\n1\t{text}" + "\t_" * 8 + "\n\n"
            for id, text in rows
        )
        objects = "".join(f'{{"key": "{id}", "text": "{text}"}}\n' for id, text in rows)
        for path, content in (
            (f"lines/{code}.txt", lines),
            (f"flores200_dataset/devtest/{name}.devtest", lines),
            (f"trees/{code}.conllu", trees),
            (f"records/{code}.jsonl", objects),
        ):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content, encoding="utf-8")
