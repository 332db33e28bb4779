"""Parallel and random cosine: the closed form against all pairs, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from spillover.analysis.similarity import resampled, similarity
from spillover.analysis.uncertainty import percentile, resamples
from spillover.errors import DataError


def brute_force(source, target, source_texts=None, target_texts=None):
    n = len(source)
    source_texts = source_texts or [f"s{i}" for i in range(n)]
    target_texts = target_texts or [f"t{i}" for i in range(n)]

    def cosine(a, b):
        a, b = a.astype(np.float64), b.astype(np.float64)
        return float(a @ b / np.sqrt((a @ a) * (b @ b)))

    random = [
        cosine(source[i], target[j])
        for i in range(n)
        for j in range(n)
        if source_texts[i] != source_texts[j] and target_texts[i] != target_texts[j]
    ]
    parallel = [cosine(source[i], target[i]) for i in range(n)]
    return np.mean(parallel), np.mean(random), len(random)


def vectors(n=40, d=7, seed=0):
    rng = np.random.default_rng(seed)
    # Off centre and of very unequal lengths, as hidden states are.
    lengths = rng.lognormal(sigma=2, size=(2, n, 1))
    return (rng.normal(size=(2, n, d)) + 0.7) * lengths


NO_TEXTS = (None, None)
SOURCE = (["a", "b", "a", "c"] * 10, None)
TARGET = (None, [f"t{i // 3}" for i in range(40)])
BOTH = ([f"s{i // 2}" for i in range(40)], [f"t{i // 3}" for i in range(40)])
SAME_TWICE = ([f"s{i % 20}" for i in range(40)], [f"t{i % 20}" for i in range(40)])


@pytest.mark.parametrize("texts", [NO_TEXTS, SOURCE, TARGET, BOTH, SAME_TWICE])
def test_equals_the_mean_over_every_pair(texts):
    source, target = vectors()
    result = similarity(source, target, *texts)
    parallel, random, pairs = brute_force(source, target, *texts)
    assert result.parallel == pytest.approx(parallel, abs=1e-14)
    assert result.random == pytest.approx(random, abs=1e-14)
    assert (result.n, result.n_random_pairs) == (40, pairs)


@pytest.mark.parametrize("seed", range(20))
def test_equals_the_mean_over_every_pair_for_random_duplicates(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 15))
    source, target = vectors(n, 3, seed)
    texts = [[str(t) for t in rng.integers(0, n - 1, n)] for _ in range(2)]
    result = similarity(source, target, *texts)
    _, random, pairs = brute_force(source, target, *texts)
    assert result.random == pytest.approx(random, abs=1e-13)
    assert result.n_random_pairs == pairs


def test_without_texts_every_sentence_is_its_own():
    source, target = vectors()
    assert similarity(source, target).n_random_pairs == 40 * 39


def test_known_values():
    eye = np.eye(2)
    result = similarity(eye, eye)
    assert (result.parallel, result.random) == (1.0, 0.0)


def test_the_order_of_items_does_not_matter():
    source, target = vectors(200, 16)
    first, second = BOTH[0] * 5, BOTH[1] * 5
    straight = similarity(source, target, first, second)
    order = np.random.default_rng(1).permutation(200)
    shuffled = similarity(
        source[order],
        target[order],
        [first[i] for i in order],
        [second[i] for i in order],
    )
    assert shuffled.parallel == pytest.approx(straight.parallel, abs=1e-12)
    assert shuffled.random == pytest.approx(straight.random, abs=1e-12)
    assert shuffled.n_random_pairs == straight.n_random_pairs


def bfloat16(x):
    """Rounded to the 8 bits of a bfloat16's significand, still as float32."""
    bits = x.astype(np.float32).view(np.uint32)
    rounded = bits + 0x7FFF + ((bits >> 16) & 1)
    return (rounded & 0xFFFF0000).astype(np.uint32).view(np.float32)


@pytest.mark.parametrize("rounding", [lambda x: x.astype(np.float16), bfloat16])
def test_sums_are_kept_in_float64_whatever_the_input(rounding):
    rng = np.random.default_rng(0)
    source, target = (rounding(rng.normal(1, 0.1, size=(60, 300))) for _ in "st")
    result = similarity(source, target)
    parallel, random, _ = brute_force(source, target)
    assert result.parallel == pytest.approx(parallel, abs=1e-13)
    assert result.random == pytest.approx(random, abs=1e-13)


def test_length_does_not_matter_even_at_the_ends_of_the_range():
    source, target = vectors(10)
    straight = similarity(source, target)
    scales = np.geomspace(1e-300, 1e250, 10)[:, None]
    scaled = similarity(source * scales, target)
    assert scaled.parallel == pytest.approx(straight.parallel, abs=1e-12)
    assert scaled.random == pytest.approx(straight.random, abs=1e-12)


def test_the_input_is_left_alone():
    source, target = vectors()
    before = source.copy(), target.copy()
    similarity(source, target)
    assert np.array_equal(source, before[0])
    assert np.array_equal(target, before[1])


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.nan, "not finite"), (np.inf, "not finite"), (0.0, "zero")],
)
def test_a_bad_row_is_named(value, message):
    source, target = vectors(5)
    target[3] = value
    with pytest.raises(DataError, match=rf"row 3: target vector.*{message}"):
        similarity(source, target)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (np.ones((3, 2)), np.ones((4, 2)), r"\(3, 2\).*\(4, 2\)"),
        (np.ones(3), np.ones(3), "same shape"),
        (np.ones((1, 2)), np.ones((1, 2)), "at least 2"),
        (np.ones((3, 0)), np.ones((3, 0)), "zero"),
    ],
)
def test_shapes_that_cannot_be_compared(source, target, message):
    with pytest.raises(DataError, match=message):
        similarity(source, target)


def test_texts_must_belong_to_the_rows():
    with pytest.raises(DataError, match="2 target_texts"):
        similarity(np.eye(3), np.eye(3), ["a", "b", "c"], ["a", "b"])


def test_no_random_pair_is_left():
    # Items 0 and 1 share the source text, 1 and 2 the target text, 0 and 2 the source.
    with pytest.raises(DataError, match="no random pair"):
        similarity(np.eye(3), np.eye(3), ["a", "a", "a"], ["x", "y", "y"])


def drawn(vectors, texts, counts):
    """A bootstrap sample written out: rows and texts as often as they are drawn."""
    rows = np.repeat(np.arange(len(counts)), counts.astype(int))
    return vectors[rows], None if texts is None else [texts[row] for row in rows], rows


def by_loops_of_rows(source, target, source_texts, target_texts, rows):
    """Both means of a sample whose rows may be the same item."""
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (source, target)]
    parallel = [u @ v for u, v in zip(*unit, strict=True)]
    random = []
    for i, u in enumerate(unit[0]):
        for j, v in enumerate(unit[1]):
            same_source = source_texts[i] == source_texts[j] if source_texts else False
            same_target = target_texts[i] == target_texts[j] if target_texts else False
            if rows[i] != rows[j] and not same_source and not same_target:
                random.append(u @ v)
    return np.mean(parallel), np.mean(random) if random else np.nan


@pytest.mark.parametrize("texts", [None, "abcdefghij", "aabbbcdefg"])
def test_replicates_are_the_means_of_each_bootstrap_sample(texts):
    rng = np.random.default_rng(5)
    source, target = rng.normal(size=(2, 10, 4))
    target_texts = None if texts is None else [f"t{c}" for c in texts[::-1]]
    given = (list(texts) if texts else None, target_texts)
    parallel, random = resampled(source, target, *given, seed=3, draws=25)
    for number, counts in enumerate(np.concatenate(list(resamples(10, 3, 25)))):
        a, source_drawn, rows = drawn(source, given[0], counts)
        b, target_drawn, _ = drawn(target, given[1], counts)
        expected = by_loops_of_rows(a, b, source_drawn, target_drawn, rows)
        assert (parallel[number], random[number]) == pytest.approx(expected)


def test_a_sample_without_a_random_pair_has_no_mean_of_them():
    rng = np.random.default_rng(6)
    parallel, random = resampled(*rng.normal(size=(2, 2, 3)), draws=200)
    assert np.isfinite(parallel).all()
    assert 0.4 < np.isnan(random).mean() < 0.6  # the same one of two twice


def test_replicates_of_two_languages_are_of_the_same_sentences():
    source, target = np.random.default_rng(7).normal(size=(2, 40, 6))
    one = resampled(source, target, draws=50)
    assert resampled(source, target, draws=50)[0].tolist() == one[0].tolist()
    scaled = resampled(source, 3 * target, draws=50)
    np.testing.assert_allclose(scaled, one)


def test_the_interval_of_a_mean_cosine_covers():
    """Of many sentences, what a sample of them says about all of them."""
    rng = np.random.default_rng(8)
    shared = rng.normal(size=(3000, 5)) + 0.5
    source, target = (shared + rng.normal(size=(3000, 5)) for _ in range(2))
    whole = similarity(source, target)
    hits = []
    for _ in range(100):
        rows = rng.choice(3000, 60, replace=False)
        draws = resampled(source[rows], target[rows], draws=300)
        truth = (whole.parallel, whole.random)
        for values, true in zip(draws, truth, strict=True):
            low, high = percentile(values)
            hits.append(low <= true <= high)
    assert 0.90 <= np.mean(hits) <= 0.99


@pytest.mark.parametrize(("n", "least"), [(12, 0.84), (30, 0.88), (100, 0.89)])
def test_percentile_intervals_cover_less_than_they_say_of_few_sentences(
    n, least, monkeypatch
):
    counts = [*resamples(n, 1, 300)]  # of n and the seed alone
    monkeypatch.setattr(f"{similarity.__module__}.resamples", lambda *_: counts)

    def pairs(count, seed):
        rng = np.random.default_rng(seed)
        common = rng.normal(size=(count, 16))
        source, target = (common + 0.7 * rng.normal(size=common.shape) for _ in "ab")
        return source + 1, target + 1

    whole = similarity(*pairs(6000, 0))
    truth = np.array([whole.parallel, whole.parallel - whole.random])
    covered = []
    for seed in range(1, 301):
        parallel, random = resampled(*pairs(n, seed), draws=300)
        low, high = np.quantile([parallel, parallel - random], (0.025, 0.975), axis=1)
        covered.append((low <= truth) & (truth <= high))
    assert (np.mean(covered, axis=0) >= least).all()
    assert (np.mean(covered, axis=0) <= 0.97).all()
