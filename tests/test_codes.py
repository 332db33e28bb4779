"""Languages are told from other tools' codes and names."""

from __future__ import annotations

import pytest

from spillover.codes import code_of, told
from spillover.errors import StudyError


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("fr", "fr"), ("fra", "fr"), ("fra_Latn", "fr"), ("zho_Hans", "zh"),
        ("zh-CN", "zh"), ("zh_cn", "zh"), ("jpn_Jpan", "ja"), ("kor_Hang", "ko"),
        ("arb_Arab", "ar"), ("npi_Deva", "ne"), ("pes_Arab", "fa"),
        ("swh_Latn", "sw"), ("azj_Latn", "az"), ("nob_Latn", "no"),
        ("french", "fr"), ("Kirundi", "rn"), ("ITA_latn", "it"), ("EN", "en"),
        ("es-419", "es"), ("pt-BR", "pt"), ("fil", "tl"), ("zh_Hans_CN", "zh"),
        # Languages and scripts that the table lacks stay apart.
        ("xho_Latn", "xh"), ("zho_Hant", "zh-Hant"), ("hin_Latn", "hi-Latn"),
        ("zh-TW", "zh-Hant"), ("zh_hk", "zh-Hant"), ("srp_Latn", "sr-Latn"),
        ("ja_Latn", "ja-Latn"), ("srp_Cyrl", "sr"),
        ("ary_Arab", "ary-Arab"), ("cf", None), ("xx", None), ("fr_business", None),
        ("english_", None), ("qa", None), ("", None),
    ],
)  # fmt: skip
def test_a_code_of_ours_from_one_of_theirs(text: str, code: str | None) -> None:
    assert code_of(text) == code


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("xnli_fr", ("xnli", "fr")),
        ("xnli_fra_cf", ("xnli_cf", "fr")),
        ("paws_ja", ("paws", "ja")),
        ("xnli:fr", ("xnli", "fr")),
        ("xcopa_zh", ("xcopa", "zh")),
        ("belebele_fra_Latn", ("belebele", "fr")),
        ("belebele_acm_Arab_mcf", ("belebele_mcf", "acm-Arab")),
        ("mgsm_en_cot_sw", ("mgsm_en_cot", "sw")),
        ("global_mmlu_ms", ("global_mmlu", "ms")),
        ("include_base_44_french", ("include_base_44", "fr")),
        ("lambada_openai_mt_it", ("lambada_openai_mt", "it")),
        ("mmlu_pt_br", ("mmlu", "pt")),
        ("mmlu_pt-BR", ("mmlu", "pt")),
        ("xnli_fr_FR", ("xnli", "fr")),
        ("xnli_fr_CA_mcf", ("xnli_mcf", "fr")),
        ("mmlu_zh_tw", ("mmlu", "zh-Hant")),
        ("mmlu_es_419", ("mmlu", "es")),
        ("xnli_DE", ("xnli", "de")),
        ("x_arc_easy", None),
        ("hellaswag", None),
        ("mmlu_pro", None),
        ("global_mmlu_fr_business", None),
        ("truthfulqa_fr_mc1", None),
    ],
)
def test_a_name_ends_in_its_language(name: str, place: tuple[str, str] | None) -> None:
    assert told(name) == place


def test_a_pattern_says_where_the_language_stands() -> None:
    patterns = ["truthfulqa_{language}_mc1", "global_mmlu_{language}", "arc_easy=en"]
    assert told("truthfulqa_fr_mc1", patterns) == ("truthfulqa_mc1", "fr")
    assert told("global_mmlu_zu", patterns) == ("global_mmlu", "zu")
    assert told("arc_easy", patterns) == ("arc_easy", "en")
    for name in ("global_mmlu_fr_business", "xnli_fr", "truthfulqa_fr_mc2"):
        assert told(name, patterns) is None


@pytest.mark.parametrize("pattern", ["xnli", "hellaswag=anglais"])
def test_a_pattern_without_a_language_is_an_error(pattern: str) -> None:
    with pytest.raises(StudyError, match=f"{pattern}: "):
        told("hellaswag", [pattern])
