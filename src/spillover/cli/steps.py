"""Commands for single steps: tune, evaluate and embed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from spillover import writing
from spillover.cli import complete
from spillover.cli.answer import Answer
from spillover.cli.options import Adapter, Chat, DataRoot, Device, Dtype, Model
from spillover.errors import Faults, StudyError
from spillover.languages import PIVOT
from spillover.terminal import say, show_table, table

Languages = Annotated[
    list[str],
    typer.Option(help="May be repeated.", autocompletion=complete.languages),
]


def _set(step: str, example: str) -> Any:
    """The option that changes a setting of one step."""
    return typer.Option(
        "--set",
        help=f"A setting, as {example}; may be repeated.",
        autocompletion=complete.step_keys(step),
    )


TuneSet = Annotated[list[str] | None, _set("tune", "epochs=1")]
EvaluateSet = Annotated[list[str] | None, _set("evaluate", "beams=1")]
EmbedSet = Annotated[list[str] | None, _set("embed", "layers=all")]


def tune(
    task: Annotated[
        str,
        typer.Option(help="Task to learn, in English.", autocompletion=complete.tasks),
    ],
    out: Annotated[Path, typer.Option(help="Where the adapter goes.")],
    model: Model = "smollm2-135m-instruct",
    rows: Annotated[
        int | None, typer.Option(min=1, help="Number of training items (default: all).")
    ] = None,
    set_: TuneSet = None,
    seed: Annotated[
        int,
        typer.Option(min=0, max=2**32 - 1, help="Of the training, on the same rows."),
    ] = 1,
    chat: Chat = False,
    data_root: DataRoot = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
) -> Answer:
    """Fine-tune a model with LoRA on a task's English items."""
    from spillover.data import registry
    from spillover.data.items import shuffled
    from spillover.model_spec import as_model_spec
    from spillover.writing import check_writable

    chosen = registry.task(task)
    settings = _settings("tune", set_)
    spec = as_model_spec(model, "--model")
    items = shuffled(chosen.load("train", PIVOT, data_root), 1)[:rows]
    check_writable(out)
    from spillover.models import load_model
    from spillover.tune import tune as tune_model

    base = load_model(spec, device=device, dtype=dtype)
    log = tune_model(base, chosen, items, out, settings, seed=seed, chat=chat)
    last = f", last loss {log[-1]['loss']:.3f}" if log else ""
    say(f"{out}: adapter of {len(items)} items{last}")
    return Answer({"folder": out, "task": task, "items": len(items), "log": log})


def evaluate(
    task: Annotated[
        str, typer.Option(help="Task to evaluate.", autocompletion=complete.tasks)
    ],
    language: Languages,
    model: Model = "smollm2-135m-instruct",
    adapter: Adapter = None,
    rows: Annotated[
        int | None,
        typer.Option(min=1, help="Number of items per language (default: all)."),
    ] = None,
    set_: EvaluateSet = None,
    chat: Chat = False,
    out: Annotated[
        Path | None, typer.Option(help="Parquet file for every prediction.")
    ] = None,
    data_root: DataRoot = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
) -> Answer:
    """Evaluate a model zero-shot on a task."""
    from spillover.analysis.uncertainty import score_interval
    from spillover.data import registry
    from spillover.data.items import subsample
    from spillover.model_spec import as_model_spec
    from spillover.writing import check_writable

    chosen = registry.task(task)
    settings = _settings("evaluate", set_)
    spec = as_model_spec(model, "--model")
    items = chosen.load_all("test", language, data_root)
    if rows is not None:
        items = subsample(items, rows, 1)
    if out is not None:
        check_writable(out.parent)
    from spillover.evaluate import evaluate as evaluate_model

    lm = _load(spec, adapter, device, dtype)
    lines = table("language", "metric", "value", "95 % interval", "n")
    scores, kept = [], []
    for code, part in items.items():
        result = evaluate_model(lm, chosen, part, code, settings, chat=chat)
        kept.append(result.to_pandas().assign(language=code))
        for metric, value in result.metrics.items():
            low, high = score_interval(result.scores[metric], metric) or (None, None)
            ends = "" if low is None else f"{low:.3f} to {high:.3f}"
            lines.add_row(code, metric, f"{value:.3f}", ends, str(result.n))
            row = {"language": code, "metric": metric, "value": value}
            scores.append(row | {"low": low, "high": high, "n": result.n})
    if out is not None:
        import pandas as pd

        whole = pd.concat(kept, ignore_index=True)
        writing.replace(out, whole.to_parquet(index=False))
    show_table(lines)
    return Answer({"task": task, "model": lm.name, "scores": scores})


def embed(
    corpus: Annotated[
        str,
        typer.Option(help="Parallel corpus to embed.", autocompletion=complete.corpora),
    ],
    language: Languages,
    model: Model = "smollm2-135m-instruct",
    adapter: Adapter = None,
    rows: Annotated[
        int | None, typer.Option(min=2, help="Number of sentences (default: all).")
    ] = None,
    set_: EmbedSet = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Safetensors file for the vectors, language.pooling.layer."),
    ] = None,
    data_root: DataRoot = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
) -> Answer:
    """Compare the vectors of parallel and of random sentence pairs with English."""
    from spillover.analysis.similarity import similarity
    from spillover.data import registry
    from spillover.model_spec import as_model_spec
    from spillover.writing import check_writable

    if set(language) == {PIVOT}:
        raise StudyError(
            "English alone has nothing to be compared with",
            where="--language",
            fix="name another language",
        )
    settings = _settings("embed", set_)
    spec = as_model_spec(model, "--model")
    texts = registry.corpus(corpus).parallel(language, data_root, rows=rows).sentences
    if out is not None:
        check_writable(out.parent)
    from spillover.embed import embed as embed_sentences

    lm = _load(spec, adapter, device, dtype)
    english = embed_sentences(lm, texts[PIVOT], settings)
    lines = table("pair", "pooling", "layer", "parallel", "random", "n")
    similarities: list[dict[str, Any]] = []
    kept: dict[str, Any] = {}
    for code in texts:
        each = english if code == PIVOT else embed_sentences(lm, texts[code], settings)
        if out is not None:
            kept |= {f"{code}.{key[0]}.{key[1]}": each[key] for key in each}
        if code == PIVOT:
            continue
        for key, vectors in each.items():
            found = similarity(english[key], vectors, texts[PIVOT], texts[code])
            cells = [f"{found.parallel:.3f}", f"{found.random:.3f}", str(found.n)]
            lines.add_row(f"{PIVOT}-{code}", key[0], str(key[1]), *cells)
            place = {"language": code, "pooling": key[0], "layer": key[1]}
            similarities.append(place | asdict(found))
    if out is not None:
        from safetensors.numpy import save

        writing.replace(out, save(kept))
    show_table(lines)
    answer = {"corpus": corpus, "model": lm.name, "similarities": similarities}
    return Answer(answer)


def _load(spec: Any, adapter: Path | None, device: str, dtype: Dtype) -> Any:
    """The model, with its adapter where one is given."""
    from spillover.adapters import attach
    from spillover.models import load_model

    base = load_model(spec, device=device, dtype=dtype)
    return base if adapter is None else attach(base, adapter)


def _settings(step: str, overrides: Iterable[str] | None) -> Any:
    """The settings of a step, the defaults but for what was set."""
    from pydantic import ValidationError

    from spillover.settings import OF_STEPS
    from spillover.study_file import override
    from spillover.validation import explained

    given: dict[str, Any] = {}
    for text in overrides or ():
        override(given, text)
    try:
        return OF_STEPS[step].model_validate(given)
    except ValidationError as error:
        raise Faults(explained(error, "--set", (step,))) from error
