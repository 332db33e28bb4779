"""XL-Sum: BBC articles, each with the one-sentence summary that opened it.

The languages are not translations of each other, and German is not among them. Of
the two Chinese and the two Serbian versions, simplified and Cyrillic are taken.
"""

from spillover.data.sources import Files, Hub
from spillover.data.task import Task

NAMES = {
    "am": "amharic",
    "ar": "arabic",
    "az": "azerbaijani",
    "bn": "bengali",
    "cy": "welsh",
    "en": "english",
    "es": "spanish",
    "fa": "persian",
    "fr": "french",
    "gd": "scottish_gaelic",
    "gu": "gujarati",
    "ha": "hausa",
    "hi": "hindi",
    "id": "indonesian",
    "ig": "igbo",
    "ja": "japanese",
    "ko": "korean",
    "ky": "kyrgyz",
    "mr": "marathi",
    "my": "burmese",
    "ne": "nepali",
    "om": "oromo",
    "pa": "punjabi",
    "pcm": "pidgin",
    "ps": "pashto",
    "pt": "portuguese",
    "rn": "kirundi",
    "ru": "russian",
    "si": "sinhala",
    "so": "somali",
    "sr": "serbian_cyrillic",
    "sw": "swahili",
    "ta": "tamil",
    "te": "telugu",
    "th": "thai",
    "ti": "tigrinya",
    "tr": "turkish",
    "uk": "ukrainian",
    "ur": "urdu",
    "uz": "uzbek",
    "vi": "vietnamese",
    "yo": "yoruba",
    "zh": "chinese_simplified",
}

TASK = Task(
    name="xlsum",
    description="Summarise a news article in one sentence.",
    kind="generation",
    template=(
        "Write one sentence to summarize the given document. Document is: {text} "
        "Summarize:"
    ),
    metric="rougeL",
    languages=tuple(NAMES),
    train_languages=tuple(NAMES),
    files=(
        Files(
            path="xlsum/{language}_{split}.jsonl",
            names=NAMES,
            splits={"train": "train", "validation": "val", "test": "test"},
            id="id",
            target="summary",
            aligned=False,
        ),
    ),
    hub=(
        # The repository holds a script; this commit is of its branch of Parquet files.
        Hub(
            repo="csebuetnlp/xlsum",
            revision="4d5b43aba7d69ac8158325ef37c554cfcab66904",
            data_files="{language}/{split}/*.parquet",
            names=NAMES,
            id="id",
            target="summary",
            aligned=False,
        ),
    ),
    licence="CC BY-NC-SA 4.0",
    citation=(
        "Hasan, Bhattacharjee, Islam, Mubasshir, Li, Kang, Rahman and Shahriyar "
        "(2021). XL-Sum: Large-Scale Multilingual Abstractive Summarization for 44 "
        "Languages. Findings of ACL-IJCNLP, 4693-4703."
    ),
    homepage="https://github.com/csebuetnlp/xl-sum",
)
