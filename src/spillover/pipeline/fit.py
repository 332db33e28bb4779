"""Whether the steps of a study can be run, as far as no weights are needed."""

from __future__ import annotations

import numpy as np

from spillover.analysis.pairs import random_pairs
from spillover.data.corpus import AlignedCorpus
from spillover.errors import SpilloverError, StudyError, collecting, placed
from spillover.languages import PIVOT
from spillover.pipeline.inputs import Inputs
from spillover.settings import check_steps
from spillover.study import Study


def misfits(
    study: Study, inputs: Inputs, *, model: bool = True
) -> list[SpilloverError]:
    """What would stop a study's steps, found before weights are loaded.

    Every prompt of every language, every training item and every sentence counts.

    Args:
        study: the study.
        inputs: its data, as much as could be read.
        model: ask the model's tokenizer and configuration, too.

    Returns:
        Answer words that collide, texts that are too long, sentences that make no
        pair, layers or modules that the model does not have, no tokenizer, a tracker
        that is not there, a training of no step that learns, a model with an adapter.
    """
    errors: list[SpilloverError] = []
    tuned = [data.tune for data in inputs.tasks.values()]
    trackers = [name for settings in tuned for name in settings.track]
    if trackers:
        from spillover.tracking import check_trackers

        with collecting(errors):
            check_trackers(trackers)
    for data in inputs.tasks.values():
        with collecting(errors):
            check_steps(len(data.train), data.tune)
    for name, corpus in inputs.corpora.items():
        with collecting(errors):
            _check_pairs(name, corpus)
    if model:
        from spillover.model_checks import MERGE
        from spillover.pipeline.model_fit import misfits_of_model

        if study.model.adapter is not None:
            told = "a study tunes adapters of its own on a model without one"
            errors.append(StudyError(told, where="model.adapter", fix=MERGE))
        with collecting(errors):
            errors += misfits_of_model(study, inputs)
    return errors


def _check_pairs(name: str, corpus: AlignedCorpus) -> None:
    """See that each language has random pairs with English."""
    bare = np.empty((corpus.n, 0))
    for language, sentences in corpus.sentences.items():
        if language != PIVOT:
            with placed(f"corpus {name}, {language}"):
                random_pairs(bare, bare, corpus.sentences[PIVOT], sentences)
