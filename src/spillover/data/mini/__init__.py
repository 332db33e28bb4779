"""The mini-suite: three small tasks and a parallel corpus, made for this project.

Clean, short and easy, so that a small model learns them within minutes: the forms are
those of PAWS-X, XNLI and XL-Sum, the first two with shorter prompts than Xie et al.
(2024) have.
Scores on it say that the machinery works, and nothing about the data sets that it
imitates.

The items come from grammars, and those of the test split say the same in every
language; `python -m spillover.data.mini.generate` writes the files again. The
sentences of the corpus were written one by one.
"""

from spillover.data.corpus import Corpus
from spillover.data.sources import Files
from spillover.data.task import Task

LANGUAGES = ("en", "fr", "de", "es", "zh", "ja")
LICENCE = "Apache-2.0"


def _files(stem: str, target: str) -> tuple[Files]:
    return (
        Files(
            package=__name__,
            path=f"{stem}_{{split}}.{{language}}.jsonl",
            splits={"train": "train", "test": "test"},
            id="id",
            target=target,
        ),
    )


PARAPHRASE = Task(
    name="mini-paraphrase",
    description="Do two sentences say the same? (mini-suite, form of PAWS-X)",
    kind="classification",
    template="{sentence1}\n{sentence2}\nSame meaning? Yes or No:",
    answers={"1": "Yes", "0": "No"},
    metric="accuracy",
    chance=1 / 2,
    languages=LANGUAGES,
    train_languages=("en",),
    files=_files("paraphrase", "label"),
    licence=LICENCE,
)

INFERENCE = Task(
    name="mini-inference",
    description="Does the premise entail the hypothesis? (mini-suite, form of XNLI)",
    kind="classification",
    template="{premise} {hypothesis} Yes, no, or maybe?",
    answers={"entailment": "Yes", "contradiction": "No", "neutral": "Maybe"},
    metric="accuracy",
    chance=1 / 3,
    languages=LANGUAGES,
    train_languages=("en",),
    files=_files("inference", "label"),
    licence=LICENCE,
)

SUMMARY = Task(
    name="mini-summary",
    description="Sum up a short news item in one sentence (mini-suite, form of XL-Sum)",
    kind="generation",
    template=(
        "Write one sentence to summarize the given document. "
        "Document is: {text} Summarize:"
    ),
    metric="rougeL",
    languages=LANGUAGES,
    train_languages=("en",),
    files=_files("summary", "summary"),
    licence=LICENCE,
)

MINI = Corpus(
    name="mini",
    description="Sentences of many kinds, written for this project",
    languages=LANGUAGES,
    files=(
        Files(
            package=__name__,
            path="sentences.tsv",
            splits={"test": "test"},
            id="id",
            columns={"sentence": "{language}"},
        ),
    ),
    licence=LICENCE,
)
