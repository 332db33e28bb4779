"""XCOPA: which of two sentences is the cause, or the effect, of another?

English is COPA itself, in the same layout: its 400 train and 100 validation items. Its
test labels are hidden (the files say 0 for all 500), so English has no test split here,
and a comparison with English is one on the validation split.

Whether the cause or the effect is asked for is not always as in the original: all 500
test rows in Thai ask for the effect, and 53 in Turkish and 41 in Swahili ask for the
other one. The prompt and its answer words are ours.
"""

from spillover.data.sources import Files, Hub
from spillover.data.task import Task

TRANSLATIONS = ("et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh")
PATH = "xcopa/data/{language}/{split}.{language}.jsonl"

TASK = Task(
    name="xcopa",
    description="Which of two sentences is the cause, or the effect, of another?",
    kind="classification",
    template=(
        "Premise: {premise} Question: Which is more likely to be the {question} of "
        "the premise? A: {choice1} B: {choice2} Only answer with A or B. The answer is"
    ),
    answers={"0": "A", "1": "B"},
    metric="accuracy",
    chance=1 / 2,
    languages=("en", *TRANSLATIONS),
    train_languages=("en",),
    files=(
        Files(path=PATH, splits={"validation": "val"}, id="idx", target="label"),
        Files(
            path=PATH,
            languages=TRANSLATIONS,
            splits={"test": "test"},
            id="idx",
            target="label",
        ),
        Files(
            path=PATH,
            languages=("en",),
            splits={"train": "train"},
            id="idx",
            target="label",
        ),
    ),
    hub=(
        Hub(
            repo="cambridgeltl/xcopa",
            revision="042f78955ba48e6404616762fa6e05e839c3907a",
            languages=TRANSLATIONS,
            config="{language}",
            splits={"validation": "validation", "test": "test"},
            id="idx",
            target="label",
        ),
        Hub(
            repo="aps/super_glue",
            revision="3de24cf8022e94f4ee4b9d55a6f539891524d646",
            languages=("en",),
            config="copa",
            splits={"train": "train", "validation": "validation"},
            id="idx",
            target="label",
        ),
    ),
    licence="XCOPA: CC BY 4.0; COPA: BSD 2-Clause",
    citation=(
        "Ponti, Glavaš, Majewska, Liu, Vulić and Korhonen (2020). XCOPA: A "
        "Multilingual Dataset for Causal Commonsense Reasoning. EMNLP, 2362-2376. "
        "English: Roemmele, Bejan and Gordon (2011). Choice of Plausible Alternatives: "
        "An Evaluation of Commonsense Causal Reasoning. AAAI Spring Symposium."
    ),
    homepage="https://github.com/cambridgeltl/xcopa",
)
