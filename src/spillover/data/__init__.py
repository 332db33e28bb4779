"""What goes into a study: tasks, parallel corpora, and where their data lie."""

from spillover.data.corpus import AlignedCorpus, Corpus, Sentences
from spillover.data.items import (
    Item,
    check_aligned,
    digest,
    subsample,
    without_placeholders,
)
from spillover.data.sources import Files, Hub
from spillover.data.task import Task

__all__ = [
    "AlignedCorpus",
    "Corpus",
    "Files",
    "Hub",
    "Item",
    "Sentences",
    "Task",
    "check_aligned",
    "digest",
    "subsample",
    "without_placeholders",
]
