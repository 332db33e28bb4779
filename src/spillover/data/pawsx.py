"""PAWS-X: do two sentences with almost the same words mean the same?

`NS` stands in the files for a sentence that was never translated, and the label of
its row is then 0 whatever it is in English.
"""

from spillover.data.columns import Split
from spillover.data.corpus import Corpus
from spillover.data.sources import Files, Hub
from spillover.data.task import Task

LANGUAGES = ("en", "fr", "de", "es", "zh", "ja", "ko")
PATH = "pawsx/x-final/{language}/{split}.tsv"
TEST: dict[Split, str] = {"validation": "dev_2k", "test": "test_2k"}
REPO = "google-research-datasets/paws-x"
REVISION = "4cd8187c404bda33cb1f62b49b001115862acf37"
LICENCE = "free for any purpose; acknowledgement of Google LLC is appreciated"
CITATION = (
    "Yang, Zhang, Tar and Baldridge (2019). PAWS-X: A Cross-lingual Adversarial "
    "Dataset for Paraphrase Identification. EMNLP-IJCNLP, 3687-3692. English: Zhang, "
    "Baldridge and He (2019). PAWS: Paraphrase Adversaries from Word Scrambling. "
    "NAACL-HLT, 1298-1308."
)
HOMEPAGE = "https://github.com/google-research-datasets/paws/tree/master/pawsx"

TASK = Task(
    name="pawsx",
    description="Do two sentences express the same meaning?",
    kind="classification",
    template=(
        "Sentence 1: {sentence1} Sentence 2: {sentence2} Question: Do Sentence 1 and "
        "Sentence 2 express the same meaning? Only answer with Yes or No. "
        "The answer is"
    ),
    answers={"1": "Yes", "0": "No"},
    metric="accuracy",
    chance=1 / 2,
    languages=LANGUAGES,
    train_languages=("en",),
    files=(
        Files(path=PATH, id="id", target="label", splits=TEST),
        Files(
            path=PATH,
            id="id",
            target="label",
            splits={"train": "train"},
            languages=("en",),
        ),
    ),
    hub=(
        Hub(repo=REPO, revision=REVISION, config="{language}", id="id", target="label"),
    ),
    placeholder="NS",
    licence=LICENCE,
    citation=CITATION,
    homepage=HOMEPAGE,
)

CORPUS = Corpus(
    name="pawsx",
    description="The first sentences of the PAWS-X test pairs",
    languages=LANGUAGES,
    files=(Files(path=PATH, id="id", columns={"sentence": "sentence1"}, splits=TEST),),
    hub=(
        Hub(
            repo=REPO,
            revision=REVISION,
            config="{language}",
            id="id",
            columns={"sentence": "sentence1"},
        ),
    ),
    placeholder="NS",
    licence=LICENCE,
    citation=CITATION,
    homepage=HOMEPAGE,
)
