from __future__ import annotations

import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from spillover.hub import choose
from spillover.model_card import ORIGINALS, base_of, fenced, model_card
from spillover.model_spec import EMBEDDED, ModelSpec
from spillover.results import Results

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any

Done = tuple[TinyStudy, Results]
REPO = "someone/tiny-adapter"


def section(card: str, heading: str) -> str:
    return card.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def interval(row: Any) -> str:
    low, high = ("–" if at != at else f"{at:.3f}" for at in (row["low"], row["high"]))
    return f"{row['value']:.3f} [{low}, {high}]"


def test_scores_stand_in_the_table_and_in_the_metadata(tiny_done: Done) -> None:
    results = tiny_done[1]
    card = model_card(choose(results, "titles"), REPO, "apache-2.0")
    frame = results.evaluations
    frame = frame[frame["task"].eq("titles") & frame["metric"].eq("rougeL")]
    after = frame[frame["tuned_on"].eq("titles")].set_index("language")
    before = frame[frame["tuned_on"].isna()].set_index("language")
    shown = {row[0]: row[1:] for row in rows(section(card, "Scores"))}
    assert [*shown] == ["English", "German", "French"]
    for code, name in (("en", "English"), ("de", "German"), ("fr", "French")):
        first, second, *_ = shown[name]
        assert first.startswith(f"{before.loc[code, 'value']:.3f} [")
        assert second == interval(after.loc[code])
        assert shown[name][-1] == "4"
    data = ModelCard(card).data
    values = {
        result.dataset_config: result.metric_value for result in data.eval_results
    }
    assert values == after["value"].round(6).to_dict()
    assert {result.metric_type for result in data.eval_results} == {"rouge"}
    assert data.language == ["en", "de", "fr"]
    assert data.license == "apache-2.0"
    assert "titles" not in section(card, "Similarity")
    assert len(rows(section(card, "Similarity"))) == 6


def test_an_adapter_is_shown_without_the_other_tasks_and_seeds(
    tiny_done: Done, tmp_path: Path
) -> None:
    results = tiny_done[1]
    study = results.study.model_copy(update={"seeds": (1, 2)})
    frames = {}
    for name in ("evaluations", "comparisons", "similarities", "correlations"):
        frame = getattr(results, name)
        other = frame[frame["seed"].eq(1)].assign(seed=2)
        if "value" in other:
            other["value"] += 0.125
        frames[name] = pd.concat([frame, other], ignore_index=True)
    shutil.copytree(results.folder, tmp_path / "run")
    for seed in (1, 2):
        folder = tmp_path / "run" / "adapters" / f"opinions-seed{seed}"
        shutil.copytree(results.folder / "adapters" / "opinions", folder)
    several = replace(results, study=study, folder=tmp_path / "run", **frames)
    first, second = (choose(several, "opinions", seed) for seed in (1, 2))
    cards = [model_card(adapter, REPO, "mit") for adapter in (first, second)]
    tables = [rows(section(card, "Scores")) for card in cards]
    assert len(tables[0]) == len(tables[1]) == 4
    for one, two in zip(*tables, strict=True):
        assert one[1] == two[1]  # before tuning there is no seed
        assert float(two[2].split()[0]) == pytest.approx(
            float(one[2].split()[0]) + 0.125
        )
    assert "titles" not in cards[0].partition("## Training")[0]
    assert "Seed 2" in cards[1]
    assert first.results.findings()
    assert {f.scope.partition(",")[0] for f in first.results.findings()} <= {
        "opinions",
        "lines",
    }


def test_the_embedded_model_is_named_by_its_repository_and_its_file(
    tiny_done: Done,
) -> None:
    assert ORIGINALS.keys() == EMBEDDED.keys()
    spec = ModelSpec.model_validate("smollm2-135m-instruct")
    study = tiny_done[1].study.model_copy(update={"model": spec})
    card = model_card(choose(replace(tiny_done[1], study=study), "titles"), REPO, "mit")
    data = ModelCard(card).data
    assert data.base_model == "HuggingFaceTB/SmolLM2-135M-Instruct"
    loading = section(card, "How to load it")
    assert 'base = "HuggingFaceTB/SmolLM2-135M-Instruct"' in loading
    assert 'spillover.load_model("smollm2-135m-instruct")' in loading
    assert r"were read from SmolLM2-135M-Instruct.Q4\_1.gguf" in loading


def test_what_was_tuned_on_and_evaluated_is_no_more_than_there_was(
    tiny_done: Done,
) -> None:
    results = tiny_done[1]
    [use, other] = results.study.tasks
    task = use.resolve().model_copy(update={"citation": "A. (2020). T. J. 3."})
    use = use.model_copy(update={"task": task, "train_rows": 500_000})
    study = results.study.model_copy(update={"tasks": (use, other)})
    card = model_card(choose(replace(results, study=study), "opinions"), REPO, "mit")
    assert "evaluated zero-shot in 3 other languages,\nbefore and after." in card
    training = section(card, "Training")
    assert "500000 or, if there are fewer, all English items of opinions" in training
    sources = section(card, "Licences and citations")
    assert "A. (2020). T. J. 3" in sources
    assert ".." not in sources


@pytest.mark.parametrize(
    ("spec", "repo", "argument"),
    [
        ({"hub": "a/b"}, "a/b", "a/b"),
        ({"hub": "a/b", "revision": "v1"}, "a/b", "a/b@v1"),
        ({"folder": "/home/me/secret/llama"}, None, "path/to/llama"),
        ({"gguf": "/home/me/secret/x.Q8_0.gguf"}, None, "path/to/x.Q8_0.gguf"),
    ],
)
def test_a_base_is_named_without_a_local_path(
    spec: dict[str, str], repo: str | None, argument: str
) -> None:
    base = base_of(ModelSpec.model_validate(spec))
    assert (base.repo, base.argument) == (repo, argument)
    assert base.revision == spec.get("revision")
    assert "secret" not in str(base)


def test_a_branch_and_a_commit_are_in_what_one_copies(tiny_done: Done) -> None:
    spec = ModelSpec(hub="a/b", revision="f" * 40)
    study = tiny_done[1].study.model_copy(update={"model": spec})
    adapter = choose(replace(tiny_done[1], study=study), "titles")
    card = model_card(adapter, REPO, "mit", "v2")
    assert f'from_pretrained(base, revision="{"f" * 40}")' in card
    assert f'from_pretrained(model, "{REPO}", revision="v2")' in card
    assert f'snapshot_download("{REPO}", revision="v2")' in card
    assert 'study.yaml --local-dir . --revision "v2"' in card
    for code in re.findall(r"^```python\n(.*?)^```$", card, re.M | re.S):
        compile(code, "card", "exec")


ATTACK = (
    "x\n---\n# h\n<script>alert(1)</script> [a](javascript:b) `c` | d "
    "![i](http://j) {{ 7*7 }} **k** &lt; \x00\ud800"
)


def test_texts_of_a_study_are_no_markup(tiny_done: Done) -> None:
    results = tiny_done[1]
    plain = model_card(choose(results, "opinions"), REPO, "mit")
    [use, other] = results.study.tasks
    task = use.resolve().model_copy(
        update={
            "description": ATTACK,
            "citation": ATTACK,
            "licence": ATTACK,
            "homepage": ATTACK,
            "answers": {"1": ATTACK, "0": "No"},
            "template": "```\n{review}\n````\n# no heading \ud800",
        }
    )
    study = results.study.model_copy(
        update={
            "description": ATTACK,
            "tasks": (use.model_copy(update={"task": task}), other),
            "model": ModelSpec(folder=Path("/x") / ATTACK.replace("/", "")),
        }
    )
    adapter = choose(replace(results, study=study), "opinions")
    card = model_card(adapter, REPO, ATTACK.replace("\ud800", ""))
    assert ModelCard(card).data.language == ["en", "de", "fr", "es"]
    assert ModelCard(card).data.license == ATTACK.replace("\ud800", "")
    tokens = parsed(card)
    told = Counter(token.type for token in tokens)
    assert not told.keys() & {"html_inline", "html_block", "link_open", "image"}
    assert told["em_open"] == 0
    assert told["strong_open"] == len(adapter.results.findings())
    codes = {token.content for token in tokens if token.type == "code_inline"}
    assert codes == {"strict", "--data-root"}
    [prompt] = [t.content for t in tokens if t.type == "fence" and t.info == "text"]
    assert prompt == "```\n{review}\n````\n# no heading \ufffd\n"
    assert "{{ 7*7 }}" in " ".join(token.content for token in tokens)
    before = Counter(token.type for token in parsed(plain))
    for kind in ("heading_open", "tr_open", "td_open", "list_item_open", "fence"):
        assert told[kind] == before[kind], kind


def parsed(card: str) -> list[Any]:
    """What a reader of Markdown makes of a card, all of it in one list."""
    markdown = MarkdownIt("commonmark").enable("table")
    blocks = markdown.parse(ModelCard(card).text)
    return [token for block in blocks for token in (block, *(block.children or ()))]


def test_a_fence_is_longer_than_backticks_in_it() -> None:
    assert fenced("a") == "```text\na\n```"
