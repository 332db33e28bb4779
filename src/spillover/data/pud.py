"""PUD: a thousand sentences of news and Wikipedia, translated by professionals.

Its treebanks hold the same sentences, not necessarily in the same order: they are
joined on `sent_id`. 750 were translated from English, 250 into it. The Chinese
treebank is in traditional characters.
"""

from spillover.data.corpus import Corpus
from spillover.data.sources import Files, Hub

TREEBANKS = {
    "ar": "Arabic",
    "cs": "Czech",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "gl": "Galician",
    "hi": "Hindi",
    "id": "Indonesian",
    "is": "Icelandic",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "zh": "Chinese",
}

CORPUS = Corpus(
    name="pud",
    description="Sentences of news and Wikipedia from Parallel Universal Dependencies",
    languages=tuple(TREEBANKS),
    files=tuple(
        Files(
            path=f"pud/UD_{treebank}-PUD/{{language}}_pud-ud-test.conllu",
            languages=(language,),
            columns={"sentence": "text"},
        )
        for language, treebank in TREEBANKS.items()
    ),
    hub=(
        Hub(
            repo="commul/universal_dependencies",
            revision="6b8168e1a6c048c9f8c731aca07daa7aaba228c6",
            config="{language}_pud",
            id="sent_id",
            columns={"sentence": "text"},
        ),
    ),
    licence="CC BY-SA 3.0 or 4.0, stated in the folder of each treebank",
    citation=(
        "Zeman et al. (2017). CoNLL 2017 Shared Task: Multilingual Parsing from Raw "
        "Text to Universal Dependencies. CoNLL, 1-19."
    ),
    homepage="https://universaldependencies.org/conll17/",
)
