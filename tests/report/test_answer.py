"""The three sentences, on results whose outcome is known."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from finished import decided, ranked
from invented import results

from spillover.report.answer import answer

FIVE = ["en", "fr", "de", "es", "zh", "ja"]


def everywhere(task, how, codes=FIVE):
    return {(task, code): how for code in codes}


def told(made):
    return [sentence.text for sentence in answer(made)]


def test_it_carries_over():
    made = ranked(results(FIVE, corpora=["pud"]), {"opinions": 0.02})
    first, second, third = answer(decided(made, everywhere("opinions", "above")))
    assert first.text == (
        "Tuning in English alone carries over: the score rises in 5 of 5 other "
        "languages; it beats the best constant answer in 5 of 5."
    )
    assert first.rests_on == (
        "Scores are accuracy_strict on opinions. 100 items a language, the same before "
        "and after; exact McNemar test; p < 0.05 after Holm's correction over the "
        "languages of a task. The tests are over items: they do not say what one "
        "more training gives."
    )
    assert second.text == (
        "On opinions the score rises in all 5 other languages, and it beats the best "
        "constant answer in all 5 other languages."
    )
    assert "if it is 0.12 (accuracy_strict) or more, by language" in second.rests_on
    assert third.text == (
        "Similarity before tuning ranks the languages as their scores after it do in "
        "2 of 2 correlations (opinions, pud, mean: ρ 0.90; opinions, pud, last: ρ "
        "0.90)."
    )
    assert third.rests_on == (
        "Spearman's ρ over 5 languages, English not among them; permutation p, "
        "adjusted for the poolings and layers of a corpus, below 0.05, and an interval "
        "on one side of 0; the smallest p that can be is 0.017. A correlation is no "
        "proof of a cause."
    )


def test_it_does_not_carry_over():
    of = {("opinions", "en"): "above", ("opinions", "fr"): "down"}
    first, second, _ = told(decided(results(FIVE), of))
    assert first == (
        "Tuning in English alone is not seen to carry over: the score rises in none of "
        "5 other languages, falls in 1, shows no sure change in 4."
    )
    assert second == (
        "On opinions the score falls in French and shows no sure change in German, "
        "Spanish, Chinese and Japanese, and it beats the best constant answer in none."
    )


def test_it_does_not_carry_over_where_all_languages_lose():
    of = {("opinions", code): "down" for code in FIVE[1:]}
    first, *_ = told(decided(results(FIVE), of))
    assert first == (
        "Tuning in English alone does not carry over: the score rises in none of 5 "
        "other languages, falls in 5; in English itself no sure rise is seen on "
        "opinions."
    )


def test_what_cannot_be_told_is_not_told():
    first, second, third = answer(decided(results(FIVE, corpora=["pud"]), {}))
    assert first.text == (
        "Whether tuning in English alone carries over cannot be told: no change of a "
        "score is sure."
    )
    assert "shows no sure change in all 5 other languages" in second.text
    assert third.text == (
        "Whether similarity before tuning ranks the languages as their scores after it "
        "do cannot be told from 5 languages: ρ is 0.90 in 2 correlations, none sure; "
        "no p below 0.017 is possible."
    )


def test_a_rise_to_a_constant_answer_may_be_the_form_alone():
    first, _, _ = told(decided(results(FIVE), everywhere("opinions", "up")))
    assert first == (
        "Tuning in English alone carries over in part: the score rises in 5 of 5 other "
        "languages; it beats the best constant answer in none of 5, so perhaps "
        "only the form of answers carries over."
    )


def test_a_rise_of_whole_answers_may_be_their_length_alone():
    made = results(FIVE, tasks=[], generated=["titles"])
    first, second, _ = answer(decided(made, everywhere("titles", "up")))
    assert first.text == (
        "Tuning in English alone carries over in part: the score rises in 5 of 5 other "
        "languages; of answers cut to the same length it rises in none of 5, so "
        "perhaps only their length carries over."
    )
    assert second.text.endswith("of answers cut to the same length it rises in none.")
    assert "cut to as many tokens as the shorter one" in second.rests_on
    first, second, _ = told(decided(made, everywhere("titles", "above")))
    assert "English alone carries over: " in first
    assert first.endswith("cut to the same length it rises in 5 of 5.")
    assert second.endswith("cut to the same length it rises in all 5 other languages.")


def test_what_may_be_length_alone_is_said_of_the_task_alone():
    made = results(FIVE, generated=["titles"])
    of = everywhere("opinions", "above") | everywhere("titles", "up")
    first, _, _ = told(decided(made, of))
    assert first.endswith(
        "it beats the best constant answer in 5 of 5; of answers cut to the same "
        "length it rises in none of 5, so on titles perhaps only their length carries "
        "over."
    )
    # Where the whole answers rise, those of the same length do not, and vice versa.
    made = decided(made, everywhere("opinions", "above") | {("titles", "fr"): "up"})
    cut = made.comparisons["metric"].eq("rougeL_same_length")
    other = cut & made.comparisons["language"].eq("ja")
    frame = made.comparisons.copy()
    frame.loc[other, ["difference", "p_holm"]] = 0.3, 0.001
    first, _, _ = told(replace(made, comparisons=frame))
    assert "it rises in 1 of 5, so on titles perhaps only their length" in first


def test_what_was_not_learned_in_english_is_said():
    of = everywhere("opinions", "above", FIVE[1:])
    first, _, _ = told(decided(results(FIVE), of))
    assert "carries over in part" in first
    assert first.endswith("in English itself no sure rise is seen on opinions.")


def test_tasks_may_differ():
    made = results(FIVE, generated=["titles"], corpora=["pud"])
    made = ranked(made, {"opinions": 0.02, "titles": 0.6})
    of = everywhere("opinions", "above") | {("titles", "en"): "up"}
    first, second, third = answer(decided(made, of))
    assert first.text == (
        "Tuning in English alone carries over in part: the score rises in 5 of 10 "
        "pairs of a task and a language, shows no sure change in 5; it beats the best "
        "constant answer in 5 of 5."
    )
    assert "accuracy_strict on opinions, rougeL on titles" in first.rests_on
    assert second.text.endswith(
        "; on titles the score shows no sure change in all 5 other languages, and of "
        "answers cut to the same length it rises in none."
    )
    assert second.text.startswith("On opinions the score rises")
    assert second.text.count(".") == 1  # one sentence
    assert third.text.startswith("Similarity")
    assert "in 2 of 4 correlations (opinions, pud, mean: ρ 0.90;" in third.text
    assert third.text.endswith("; the other 2 cannot be told.")


def test_similarity_may_rank_the_other_way_round():
    made = ranked(results(FIVE, corpora=["pud"]), {"opinions": 0.02}, rho=-0.9)
    assert told(decided(made, {}))[2] == (
        "Similarity before tuning ranks the languages as their scores after it do in "
        "none of 2 correlations, the other way round in 2 of 2 correlations (opinions, "
        "pud, mean: ρ −0.90; opinions, pud, last: ρ −0.90)."
    )


def test_one_other_language_is_too_few():
    of = {("opinions", "en"): "above", ("opinions", "fr"): "above"}
    first, second, third = answer(decided(results(["en", "fr"]), of))
    assert "rises in 1 of 1 other language;" in first.text
    assert second.text.startswith("On opinions the score rises in French, ")
    assert third.text.endswith("cannot be told: fewer than three languages.")
    assert third.rests_on == "No correlation."


@pytest.mark.parametrize(
    ("differ", "outcome"), [(None, "rises in 5 of 5"), (2, "cannot be told")]
)
def test_every_seed_must_agree(differ, outcome):
    made = results(FIVE, seeds=[1, 2, 3], corpora=["pud"])
    of = everywhere("opinions", "above")
    first, second, third = answer(decided(made, of, differ=differ))
    assert outcome in first.text
    assert ", in each of 3 seeds. The tests are over items" in first.rests_on
    assert first.rests_on.endswith("what one more training gives.")
    assert "found by one seed about four times" in second.rests_on
    assert "in 2 correlations" in third.text  # of the mean over seeds, not of each


def test_seeds_that_contradict_each_other_are_told():
    made = decided(results(FIVE, seeds=[1, 2]), everywhere("opinions", "up"))
    rows = made.comparisons
    turned = rows["difference"].where(rows["seed"].eq(1), -rows["difference"])
    made = replace(made, comparisons=rows.assign(difference=turned))
    first, *_ = told(made)
    assert first == (
        "Whether tuning in English alone carries over cannot be told: no change of a "
        "score is sure in all 2 seeds alike. Seeds contradict each other in 5 "
        "languages of a task."
    )


def test_many_languages_are_counted():
    made = results(31)
    codes = made.study.languages
    of = everywhere("opinions", "above", codes[:20])
    _, second, _ = told(decided(made, of))
    assert second == (
        "On opinions the score rises in 19 of 30 languages and shows no sure change "
        "in 11 of 30 languages, and it beats the best constant answer in 19 of 30 "
        "languages."
    )


def test_all_other_languages_are_those_of_the_study():
    of = everywhere("opinions", "above")
    made = decided(results(FIVE), of)
    some = made.comparisons["language"].isin(["en", "fr", "de"])
    first, second, _ = told(replace(made, comparisons=made.comparisons[some]))
    assert "rises in 2 of 2 other languages that the task has;" in first
    assert second.startswith("On opinions the score rises in French and German, and")
    made = results(31)
    codes = made.study.languages
    made = decided(made, everywhere("opinions", "above", codes))
    some = made.comparisons["language"].isin(codes[:11])
    _, second, _ = told(replace(made, comparisons=made.comparisons[some]))
    assert "rises in all 10 other languages that the task has, and" in second
    assert second.endswith("answer in all 30 other languages.")


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (0.02, "in 1 of 2 correlations (opinions, pud, last: ρ 0.90); the other 1 "
         "cannot be told (1 has no ρ)."),
        (0.6, "ρ is 0.90 in 1 correlation, none sure; no p below 0.017 is "
         "possible; 1 more has no ρ."),
    ],
)  # fmt: skip
def test_correlations_that_do_not_exist_are_counted(p, said):
    made = ranked(results(FIVE, corpora=["pud"]), {"opinions": p})
    frame = made.correlations.astype({"reason": object})
    frame.loc[frame.index[0], ["value", "reason"]] = None, "all scores are the same"
    third = told(decided(replace(made, correlations=frame), {}))[2]
    assert third.endswith(said)


def test_correlations_of_several_layers_are_told_apart():
    made = ranked(results(FIVE, corpora=["pud"], layers=2), {"opinions": 0.02})
    embed = made.study.embed.model_copy(update={"layers": (0, 1)})
    study = made.study.model_copy(update={"embed": embed})
    third = told(decided(replace(made, study=study), {}))[2]
    assert "(opinions, pud, mean, layer 0: ρ 0.90; opinions, pud, mean, l" in third


def test_no_rho_is_a_negative_zero():
    made = ranked(results(FIVE, corpora=["pud"]), {"opinions": 0.9}, rho=-0.001)
    assert "ρ is 0.00 in 2 correlations" in told(decided(made, {}))[2]


def test_nothing_measured_is_said():
    made = decided(results(FIVE, corpora=[]), {})
    english = made.comparisons[made.comparisons["language"] == "en"]
    alone = made.confusions[made.confusions["language"] == "en"]
    made = replace(made, comparisons=english, confusions=alone)
    first, second, third = answer(made)
    assert "no other language was evaluated" in first.text
    assert first.rests_on == second.rests_on == "No comparison of before and after."
    assert second.text == "There is no other language to name."
    assert third.text.endswith("cannot be told: no similarity was measured.")


def test_other_metrics_and_prompts_decide_nothing():
    made = decided(results(FIVE), {})
    others = [
        decided(made, everywhere("opinions", "above")).comparisons.assign(**change)
        for change in ({"metric": "accuracy_choice"}, {"prompt": "short", "n": 7})
    ]
    comparisons = pd.concat([made.comparisons, *others])
    first = answer(replace(made, comparisons=comparisons))[0]
    assert "cannot be told" in first.text
    assert "100 items a language" in first.rests_on
