"""A study's evaluations as tasks of lm-evaluation-harness (Gao et al. 2021).

The prompt is filled in here and stands in the items, so that lm-eval applies no
template: a brace in a user's text is a brace. What it then feeds the model is worked
out with the model's tokenizer and has to be what `evaluate` feeds it, token by token.

Its `acc` is our `accuracy_choice`, and its `exact_match` our `accuracy_strict`, as
`docs/exchange.md` explains; where they would not be, the export is an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from spillover import writing
from spillover.data.task import OWN_PROMPT, Task
from spillover.encoding import Encoded, Encoder
from spillover.errors import (
    Faults,
    ModelError,
    SpilloverError,
    StudyError,
    collecting,
)
from spillover.evaluate import check_fit
from spillover.exchange.harnesses import Exported, Metadata
from spillover.metrics import exact_number
from spillover.models import context_of, load_config, load_tokenizer
from spillover.pipeline.inputs import TaskInputs, read_inputs
from spillover.rouge import rouge
from spillover.settings import EvaluateSettings
from spillover.study import Study

Answers = Sequence[Sequence[list[int]]]

PLAIN_DECODING = {
    "do_sample": False,
    "repetition_penalty": 1.0,
    "length_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "early_stopping": False,
    "min_length": 0,
    "min_new_tokens": None,
    "bad_words_ids": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
}
"""Said to lm-eval, or it would take what a model's generation_config.json brings."""


def export(study: Study, folder: Path, data_root: Path | None = None) -> list[str]:
    """Write a study's tasks for lm-eval: a YAML and the items for each language.

    And a group of the languages for each task and prompt. The YAML names the items by
    their absolute path.

    Args:
        study: gives tasks, items, settings and the tokenizer.
        folder: made if it does not exist; lm-eval's `--include_path`.
        data_root: the folder with the official data files; None: the Hub.

    Returns:
        The names of the groups.

    Raises:
        Faults: all that is wrong with the data, or that lm-eval would do otherwise.
    """
    inputs = read_inputs(study, data_root)
    if inputs.errors:
        raise Faults(inputs.errors)
    tokenizer = load_tokenizer(study.model)
    context = context_of(load_config(study.model))
    errors: list[SpilloverError] = []
    files: dict[str, str] = {}
    groups = []
    for data in inputs.tasks.values():
        for prompt, task in data.prompts.items():
            group = f"{study.name}_{task.name}"
            group += "" if prompt == OWN_PROMPT else f".{prompt}"
            encoder = Encoder(tokenizer, task, chat=study.chat)
            names = {language: f"{group}_{language}" for language in data.test}
            for name in (group, *names.values()):
                if f"{name}.yaml" in files:
                    errors.append(
                        StudyError(
                            f"two of the tasks or groups would be {name!r} there",
                            where=f"task {task.name}",
                            fix="give the task or its prompt another name",
                        )
                    )
            for language, name in names.items():
                with collecting(errors):
                    config, lines = _language(data, prompt, encoder, language, context)
                    place = (folder / f"{name}.jsonl").resolve()
                    config["dataset_kwargs"] = {"data_files": {"test": str(place)}}
                    files[place.name] = lines
                    files[f"{name}.yaml"] = _yaml({"task": name} | config)
            files[f"{group}.yaml"] = _yaml(_group(group, [*names.values()], task))
            groups.append(group)
    if errors:
        raise Faults(errors)
    for file, text in files.items():
        writing.replace(folder / file, text)
    return groups


def rouge_scores(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """What lm-eval calls for each generated text: ROUGE as `evaluate` has it."""
    return dict(rouge(results[0].strip(), doc["target"], doc["language"]))


def number_scores(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """What lm-eval calls for each generated text: whether its last number is right."""
    return {"exact_number": float(exact_number(results[0].strip(), doc["target"]))}


def _language(
    data: TaskInputs, prompt: str, encoder: Encoder, language: str, context: int
) -> tuple[dict[str, Any], str]:
    """The task of one prompt and language, and its items, a JSON object a line."""
    task = encoder.task
    prompts = encoder.prompts(data.test[language], data.evaluate.max_tokens)
    answers = check_fit(encoder, prompts, data.evaluate, context)
    for each in prompts:
        if theirs(encoder.tokenizer, each.text) != each.ids:
            raise _other_tokens(task, each)
    rows: list[dict[str, Any]]
    if task.kind == "classification":
        own, metrics = _choices(encoder, prompts, answers, data.evaluate)
        labels = list(task.answers)
        rows = [{"gold": labels.index(p.item.gold)} for p in prompts]
    else:
        own, metrics = _generation(task, data.evaluate)
        rows = [{"target": p.item.gold, "language": language} for p in prompts]
    exported = Exported(
        task=task.name,
        language=language,
        prompt=prompt,
        metrics=metrics,
        n_expected=data.n_expected[language],
    )
    config = {
        "dataset_path": "json",
        "test_split": "test",
        "num_fewshot": 0,
        "doc_to_text": "prompt",
        **own,
        "metric_list": [
            {"metric": name, "aggregation": "mean", "higher_is_better": True}
            for name in metrics
        ],
        "metadata": Metadata(spillover=exported).model_dump(),
    }
    lines = [
        json.dumps({"id": p.item.id, "prompt": p.text} | row, ensure_ascii=False) + "\n"
        for p, row in zip(prompts, rows, strict=True)
    ]
    return config, "".join(lines)


def _choices(
    encoder: Encoder,
    prompts: Sequence[Encoded],
    answers: Answers,
    settings: EvaluateSettings,
) -> tuple[dict[str, Any], dict[str, str]]:
    """A classification: its own keys, and lm-eval's metrics with our names for them."""
    task, words = encoder.task, list(encoder.task.answers.values())
    long = [w for row in answers for w, ids in zip(words, row, strict=True) if ids[1:]]
    if settings.scoring not in ("first", "whole") or (
        long and settings.scoring == "first"
    ):
        example = f" (as {long[0]!r})" if long else ""
        raise StudyError(
            "lm-eval compares the log probabilities of whole answers, and the study "
            f"says scoring: {settings.scoring}",
            where=task.name,
            expected=f"scoring: whole, or first where no answer is several tokens"
            f"{example}",
            fix="say '--set evaluate.scoring=whole' here and to 'spillover run'",
        )
    delimiter = encoder.space
    for prompt, row in zip(prompts, answers, strict=True):
        # lm-eval counts spaces at the end of a prompt as part of the answer.
        before = theirs(encoder.tokenizer, prompt.text.rstrip())
        for word, ids in zip(words, row, strict=True):
            whole = theirs(encoder.tokenizer, prompt.text + delimiter + word)
            if whole != prompt.ids + ids or len(before) > len(prompt.ids):
                raise _other_tokens(task, prompt)
    metrics = {"acc": "accuracy_choice"}
    if not long and not any(p.text[-1:].isspace() for p in prompts):
        metrics["exact_match"] = "accuracy_strict"
    own = {
        "output_type": "multiple_choice",
        "doc_to_choice": words,
        "doc_to_target": "gold",
        "target_delimiter": delimiter,
    }
    return own, metrics


def _generation(
    task: Task, settings: EvaluateSettings
) -> tuple[dict[str, Any], dict[str, str]]:
    """A generation: its own keys, and its metrics, which our functions score."""
    function = "number_scores" if task.metric == "exact_number" else "rouge_scores"
    own = {
        "output_type": "generate_until",
        "doc_to_target": "target",
        "generation_kwargs": {
            "until": [],
            "max_gen_toks": settings.max_new_tokens,
            "num_beams": settings.beams,
            **PLAIN_DECODING,
        },
        "process_results": _Function(f"{__name__}.{function}"),
    }
    return own, {name: name for name in task.metrics}


def theirs(tokenizer: Any, text: str) -> list[int]:
    """The tokens that lm-eval makes of a text.

    With the tokenizer's own special tokens, unless it begins with BOS (or, in a
    tokenizer without, EOS) as a chat template may have it.
    """
    start = tokenizer.bos_token or tokenizer.eos_token
    begun = start is not None and text.startswith(start)
    ids: list[int] = tokenizer.encode(text, add_special_tokens=not begun)
    return ids


def _other_tokens(task: Task, prompt: Encoded) -> ModelError:
    return ModelError(
        f"item {prompt.item.id}: lm-eval would give the model other tokens than "
        "'spillover evaluate'",
        where=task.name,
        expected="a tokenizer that adds nothing but BOS, and in a chat template BOS "
        "where it adds it",
        fix="evaluate this model here",
    )


def _group(name: str, members: list[str], task: Task) -> dict[str, Any]:
    headline = "acc" if task.kind == "classification" else task.metric
    return {
        "group": name,
        "task": members,
        "aggregate_metric_list": [
            {"metric": headline, "aggregation": "mean", "weight_by_size": False}
        ],
        "metadata": {"version": 1},
    }


class _Function(str):
    """A function that lm-eval imports."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes such functions as lm-eval's loader reads them."""


_Dumper.add_representer(
    _Function, lambda dumper, name: dumper.represent_scalar("!function", str(name))
)


def _yaml(value: Mapping[str, Any]) -> str:
    return yaml.dump(dict(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True)
