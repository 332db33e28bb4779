"""What the shell offers for arguments and options; nothing heavy is loaded for it.

Where nothing is offered a shell completes the names of files by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path


def studies(incomplete: str) -> list[str]:
    """Presets, and the YAML files of the folder that was typed."""
    from spillover.study_file import preset_names

    return _begin(incomplete, [*preset_names(), *_files(incomplete, ".yaml", ".yml")])


def runs(incomplete: str) -> list[str]:
    """Folders of runs, of those in or below the folder that was typed."""
    found = [
        str(path.parent)
        for depth in ("*", "*/*")
        for path in Path(_typed(incomplete)).glob(f"{depth}/study.yaml")
    ]
    return _begin(incomplete, sorted(found))


def models(incomplete: str) -> list[str]:
    """Embedded models, and the GGUF files of the folder that was typed."""
    from spillover.model_spec import EMBEDDED

    return _begin(incomplete, [*EMBEDDED, *_files(incomplete, ".gguf")])


def study_keys(incomplete: str) -> list[str]:
    """Keys of a study, and of the settings in it."""
    from spillover.settings import Settings
    from spillover.study import Study

    keys = []
    for key, field in Study.model_fields.items():
        of = type(field.default)
        inner = of.model_fields if issubclass(of, Settings) else {}
        keys += [f"{key}.{name}=" for name in inner] or [f"{key}="]
    return _begin(incomplete, keys)


def step_keys(step: str) -> Callable[[str], list[str]]:
    """Settings of one step: tune, evaluate or embed."""

    def keys(incomplete: str) -> list[str]:
        from spillover.settings import OF_STEPS

        return _begin(incomplete, [f"{key}=" for key in OF_STEPS[step].model_fields])

    return keys


def tasks(incomplete: str) -> list[str]:
    """Tasks that ship with the package."""
    from spillover.data import registry

    return _begin(incomplete, registry.TASKS)


def corpora(incomplete: str) -> list[str]:
    """Parallel corpora that ship with the package."""
    from spillover.data import registry

    return _begin(incomplete, registry.CORPORA)


def languages(incomplete: str) -> list[str]:
    """Codes of languages."""
    from spillover.languages import LANGUAGES

    return _begin(incomplete, LANGUAGES)


def papers(incomplete: str) -> list[str]:
    """Papers whose tables ship with the package."""
    from spillover import published

    return _begin(incomplete, published.names())


def devices(incomplete: str) -> list[str]:
    """Kinds of devices."""
    return _begin(incomplete, ["auto", "cpu", "cuda", "mps"])


def _begin(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]


def _typed(incomplete: str) -> str:
    """The folder part of what was typed, with its slash."""
    folder, slash, _ = incomplete.rpartition("/")
    return folder + slash


def _files(incomplete: str, *suffixes: str) -> list[str]:
    folder = _typed(incomplete)
    here = Path(folder)
    try:
        names = sorted(path.name for path in here.iterdir())
    except OSError:  # none, or one that may not be read: nothing to offer
        return []
    return [folder + name for name in names if name.endswith(suffixes)]
