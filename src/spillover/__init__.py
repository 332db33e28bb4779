"""How far a skill that a language model learns in English carries over, and why.

The public names; each is imported when it is first used, so that neither torch nor
transformers is loaded before it is needed.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spillover.adapters import attach, detach
    from spillover.analysis.correlation import Correlation, correlate
    from spillover.analysis.similarity import Similarity, similarity
    from spillover.data.corpus import Corpus
    from spillover.data.items import Item
    from spillover.data.registry import corpus, task
    from spillover.data.sources import Files, Hub
    from spillover.data.task import Task
    from spillover.embed import embed
    from spillover.errors import SpilloverError
    from spillover.evaluate import Evaluation, Prediction, evaluate
    from spillover.models import LanguageModel, load_model
    from spillover.results import Results, read_results
    from spillover.settings import EmbedSettings, EvaluateSettings, TuneSettings
    from spillover.studies import run
    from spillover.study import Study
    from spillover.study_file import read_study
    from spillover.tune import tune

_HOME = {
    "Corpus": "data.corpus",
    "Correlation": "analysis.correlation",
    "EmbedSettings": "settings",
    "EvaluateSettings": "settings",
    "Evaluation": "evaluate",
    "Files": "data.sources",
    "Hub": "data.sources",
    "Item": "data.items",
    "LanguageModel": "models",
    "Prediction": "evaluate",
    "Results": "results",
    "Similarity": "analysis.similarity",
    "SpilloverError": "errors",
    "Study": "study",
    "Task": "data.task",
    "TuneSettings": "settings",
    "attach": "adapters",
    "corpus": "data.registry",
    "correlate": "analysis.correlation",
    "detach": "adapters",
    "embed": "embed",
    "evaluate": "evaluate",
    "load_model": "models",
    "read_results": "results",
    "read_study": "study_file",
    "run": "studies",
    "similarity": "analysis.similarity",
    "task": "data.registry",
    "tune": "tune",
}

__all__ = [
    "Corpus",
    "Correlation",
    "EmbedSettings",
    "EvaluateSettings",
    "Evaluation",
    "Files",
    "Hub",
    "Item",
    "LanguageModel",
    "Prediction",
    "Results",
    "Similarity",
    "SpilloverError",
    "Study",
    "Task",
    "TuneSettings",
    "attach",
    "corpus",
    "correlate",
    "detach",
    "embed",
    "evaluate",
    "load_model",
    "read_results",
    "read_study",
    "run",
    "similarity",
    "task",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'spillover' has no attribute {name!r}")
    value = getattr(import_module(f"spillover.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """Keeps `tune`, `evaluate` and `embed` the functions.

    The import system sets a submodule as an attribute of its package, and these three
    are called as the function in them is.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
