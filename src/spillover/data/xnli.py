"""XNLI: can the hypothesis be inferred from the premise?

XNLI has no Japanese; as in Xie et al. (2024), the validation split of JNLI stands in
as its test split. JNLI was not translated from XNLI, and its labels are not balanced
(1,350 neutral, 735 contradiction, 349 entailment): a model that always says Yes is
right in a third of XNLI and in 14 % of JNLI.

The Hub's copy has no ids: its rows are in the same order in every language, and are
numbered. The English train split is that of MultiNLI as XNLI-MT ships it, which
spells the third label `contradictory`.
"""

from spillover.data.columns import Split
from spillover.data.corpus import Corpus
from spillover.data.sources import Files, Hub
from spillover.data.task import Task

PARALLEL = (
    "en", "fr", "de", "es", "zh", "ar", "bg", "el", "hi", "ru", "sw", "th", "tr", "ur",
    "vi",
)  # fmt: skip
COLUMNS = {"premise": "sentence1", "hypothesis": "sentence2"}
PATH = "xnli/XNLI-1.0/xnli.{split}.tsv"
TEST: dict[Split, str] = {"validation": "dev", "test": "test"}
REPO = "facebook/xnli"
REVISION = "b8dd5d7af51114dbda02c0e3f6133f332186418e"
OF_LANGUAGE = {"language": "{language}"}
CITATION = (
    "Conneau, Rinott, Lample, Williams, Bowman, Schwenk and Stoyanov (2018). XNLI: "
    "Evaluating Cross-lingual Sentence Representations. EMNLP, 2475-2485."
)
JNLI_CITATION = (
    "Kurihara, Kawahara and Shibata (2022). JGLUE: Japanese General Language "
    "Understanding Evaluation. LREC, 2957-2966."
)
MNLI_CITATION = (
    "Williams, Nangia and Bowman (2018). A Broad-Coverage Challenge Corpus for "
    "Sentence Understanding through Inference. NAACL-HLT, 1112-1122."
)
HOMEPAGE = "https://github.com/facebookresearch/XNLI"

TASK = Task(
    name="xnli",
    description="Does a premise entail a hypothesis, contradict it, or neither?",
    kind="classification",
    template="Suppose {premise} Can we infer that {hypothesis}? Yes, no, or maybe?",
    answers={"entailment": "Yes", "contradiction": "No", "neutral": "Maybe"},
    metric="accuracy",
    chance=1 / 3,
    languages=(*PARALLEL, "ja"),
    train_languages=("en",),
    files=(
        Files(
            path=PATH,
            languages=PARALLEL,
            splits=TEST,
            where=OF_LANGUAGE,
            id="pairID",
            columns=COLUMNS,
            target="gold_label",
        ),
        Files(
            path="xnli/XNLI-MT-1.0/multinli/multinli.{split}.{language}.tsv",
            languages=("en",),
            splits={"train": "train"},
            columns={"hypothesis": "hypo"},
            target="label",
            labels={"contradictory": "contradiction"},
        ),
        Files(
            path="jglue/jnli-v1.3/{split}-v1.3.json",
            languages=("ja",),
            splits={"test": "valid"},
            id="sentence_pair_id",
            id_prefix="jnli-",
            columns=COLUMNS,
            target="label",
        ),
    ),
    hub=(
        Hub(
            repo=REPO,
            revision=REVISION,
            languages=PARALLEL,
            config="{language}",
            target="label",
            labels={"0": "entailment", "1": "neutral", "2": "contradiction"},
        ),
        # The repository holds a script; this commit is of its branch of Parquet files.
        Hub(
            repo="shunk031/JGLUE",
            revision="3a4a622d8ae03c700184c17da7afa1d3dc870cd3",
            languages=("ja",),
            splits={"test": "validation"},
            data_files="JNLI/{split}/*.parquet",
            id="sentence_pair_id",
            id_prefix="jnli-",
            columns=COLUMNS,
            target="label",
            labels={"0": "entailment", "1": "contradiction", "2": "neutral"},
        ),
    ),
    licence="XNLI: CC BY-NC 4.0; MultiNLI: OANC and others; JNLI: CC BY-SA 4.0",
    citation=f"{CITATION} Training: {MNLI_CITATION} Japanese: {JNLI_CITATION}",
    homepage=HOMEPAGE,
)

CORPUS = Corpus(
    name="xnli",
    description="The premises of the XNLI test pairs, each once",
    languages=PARALLEL,
    files=(
        Files(
            path=PATH,
            splits=TEST,
            where=OF_LANGUAGE,
            id="pairID",
            columns={"sentence": "sentence1"},
        ),
    ),
    hub=(
        Hub(
            repo=REPO,
            revision=REVISION,
            config="{language}",
            columns={"sentence": "premise"},
        ),
    ),
    distinct=True,
    licence="CC BY-NC 4.0",
    citation=CITATION,
    homepage=HOMEPAGE,
)
