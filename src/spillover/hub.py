"""Puts an adapter of a run on the Hugging Face Hub, with a card that says its worth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from spillover.errors import (
    ModelError,
    OutputError,
    StudyError,
    network_error,
    unknown,
)
from spillover.layout import adapter_of
from spillover.model_card import Adapter, base_of, model_card
from spillover.model_spec import ADAPTER, adapter_digest
from spillover.results import Results

if TYPE_CHECKING:
    import pandas as pd
    from huggingface_hub import HfApi

T = TypeVar("T", str, int)


def choose(
    results: Results, task: str | None = None, seed: int | None = None
) -> Adapter:
    """One adapter of a run, with the results that are about it alone.

    Args:
        results: of the run.
        task: what it was tuned on; None: the run's only task.
        seed: of the training; None: the run's only seed.

    Raises:
        StudyError: there is no such task or seed, or it must be said which.
        ModelError: the adapter is not in the run's folder, or is damaged.
    """
    from safetensors import SafetensorError, safe_open

    study = results.study
    if study.model.adapter is not None:
        raise StudyError(
            "the base model has an adapter of its own", where="model", expected="none"
        )
    uses = {use.resolve().name: use for use in study.tasks}
    name = _the_one("task", task, list(uses))
    number = _the_one("seed", seed, list(study.training_seeds))
    folder = results.folder / adapter_of(study, name, number)
    adapter_digest(folder)  # says which file is missing
    try:
        settings = json.loads((folder / ADAPTER[0]).read_text("utf-8"))
        if not isinstance(settings, dict):
            raise ValueError(f"{ADAPTER[0]} is not a JSON object")
        with safe_open(folder / ADAPTER[1], "np"):
            pass
    except (SafetensorError, ValueError, RecursionError) as error:
        raise ModelError(
            f"the adapter is damaged ({error})",
            where=folder,
            fix="run the study again",
        ) from error
    alone = _alone(results, name, number)
    return Adapter(alone, uses[name].resolve(), uses[name], number, folder)


def _the_one(kind: str, wanted: T | None, there: list[T]) -> T:
    if wanted is not None:
        if wanted not in there:
            raise unknown(kind, str(wanted), map(str, there), where=f"--{kind}")
        return wanted
    if len(there) > 1:
        raise StudyError(
            f"the run has {len(there)} {kind}s",
            fix=f"say which with --{kind}: {', '.join(map(str, there))}",
        )
    return there[0]


def _alone(results: Results, task: str, seed: int) -> Results:
    """The results as if the study had had this task and this seed alone."""

    def kept(frame: pd.DataFrame) -> pd.DataFrame:
        if "tuned_on" in frame:
            before = frame["tuned_on"].isna()
            after = frame["tuned_on"].eq(task) & frame["seed"].eq(seed)
            frame = frame[before | after]
        elif "seed" in frame:
            frame = frame[frame["seed"].eq(seed)]
        return frame[frame["task"].eq(task)] if "task" in frame else frame

    return replace(
        results,
        evaluations=kept(results.evaluations),
        comparisons=kept(results.comparisons),
        similarities=kept(results.similarities),
        correlations=kept(results.correlations),
        diagnostics=kept(results.diagnostics),
        confusions=kept(results.confusions),
        metrics={task: results.metrics[task]},
        kinds={task: results.kinds[task]},
    )


def contents(
    adapter: Adapter, repo: str, licence: str = "other", revision: str | None = None
) -> dict[str, bytes | Path]:
    """The files of the repository, and nothing else: name -> bytes, or where they lie.

    The adapter's configuration names the base model by its repository, not by the
    path from which it was loaded.

    Args:
        adapter: what is to be put there.
        repo: the repository's name.
        licence: of the adapter, as the Hub spells it (`apache-2.0`).
        revision: the branch that they will be on, as for `push`.

    Raises:
        StudyError: the name is none that a repository can have.
        DataError: the run's folder does not say with which versions it ran.
        OutputError: one of the files is a link.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise StudyError(str(error), where="REPO", expected="user/name") from error
    if "/" not in repo:  # it would be made, under your name, and then not be found
        raise StudyError(f"{repo!r} has no user", where="REPO", expected="user/name")
    config_name, weights = ADAPTER
    study = adapter.results.folder / "study.yaml"
    for path in (adapter.folder / config_name, adapter.folder / weights, study):
        if path.is_symlink():  # a run has none; it could name any file of yours
            raise OutputError("a link, which is not followed", where=path)
    config = json.loads((adapter.folder / config_name).read_text("utf-8"))
    base = base_of(adapter.results.study.model)
    config |= {
        "base_model_name_or_path": base.repo or base.name,
        "revision": base.revision,
    }
    return {
        "README.md": model_card(adapter, repo, licence, revision).encode(),
        config_name: json.dumps(config, indent=2, sort_keys=True).encode(),
        weights: adapter.folder / weights,
        "study.yaml": study,
    }


def push(
    files: Mapping[str, bytes | Path],
    repo: str,
    *,
    private: bool = False,
    revision: str | None = None,
    api: HfApi | None = None,
) -> str:
    """Put files into a repository of the Hub, in one commit; it is made if need be.

    Args:
        files: as `contents` gives them.
        repo: the repository's name.
        private: nobody else is to see it.
        revision: a branch, made if need be; None: `main`.
        api: of the Hub; None: with the token of `hf auth login`.

    Returns:
        The address of the commit.

    Raises:
        OutputError: the Hub refuses, has a fault or cannot be reached, or the
            repository is there, for all to see, though it is to be private.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    api = api or HfApi()
    with _refusals(repo):
        api.create_repo(repo, private=private or None, exist_ok=True)
        public = private and not api.model_info(repo).private
    if public:
        raise OutputError(
            "the repository is public already",
            where=repo,
            fix="make it private in its settings, or leave out --private",
        )
    with _refusals(repo):
        if revision is not None:
            api.create_branch(repo, branch=revision, exist_ok=True)
        commit = api.create_commit(
            repo,
            [CommitOperationAdd(name, content) for name, content in files.items()],
            commit_message="Adapter, model card and study, by spillover",
            revision=revision,
        )
    return str(commit.commit_url)


@contextmanager
def _refusals(repo: str) -> Iterator[None]:
    """What the Hub's client raises, in our words."""
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
    )

    try:
        yield
    except OfflineModeIsEnabled as error:
        raise OutputError(
            "HF_HUB_OFFLINE forbids to reach the Hub", where=repo, fix="unset it"
        ) from error
    except LocalTokenNotFoundError as error:
        raise _refused(repo, 401, "") from error
    except (network_error(), OSError, ValueError, RuntimeError) as error:
        # A failed upload is a RuntimeError; its cause says why.
        cause = error.__cause__ or error if isinstance(error, RuntimeError) else error
        if isinstance(cause, HfHubHTTPError):
            said = cause.server_message or ""
            raise _refused(repo, cause.response.status_code, said) from error
        if isinstance(cause, ValueError):
            what, fix = "the Hub refuses it", "see what it says"
        else:
            what, fix = "the Hub cannot be reached", "check the connection"
        said = " ".join(str(cause).split())
        raise OutputError(f"{what} ({said})", where=repo, fix=fix) from error


def _refused(repo: str, status: int, said: str) -> OutputError:
    """The error for an answer of the Hub with this status."""
    known: dict[int, tuple[str, str]] = {
        401: ("the Hub does not know who you are", "'hf auth login'"),
        403: (
            "your token may not write there",
            "'hf auth login' with a token that may write, or another repository",
        ),
        404: ("the Hub has no such place for you", "check user and repository"),
        429: ("the Hub wants fewer requests", "wait a while and push again"),
    }
    what, fix = known.get(status, ("the Hub refuses it", "see what it says"))
    if status >= 500:
        what, fix = "the Hub has a fault", "push again later"
    told = f"HTTP {status}: {' '.join(said.split())}" if said else f"HTTP {status}"
    return OutputError(f"{what} ({told})", where=repo, fix=fix)
