"""Retrieval against all pairs, one by one, and what no measure may depend on."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from spillover.analysis import alignment as module
from spillover.analysis import pairs
from spillover.analysis.alignment import alignment, mexa_over_layers
from spillover.analysis.representation import whiten
from spillover.analysis.similarity import similarity
from spillover.errors import DataError, SpilloverError


def vectors(n=40, d=8, seed=0, noise=0.7):
    """Related vectors off centre and of unequal lengths, as hidden states are."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, d)) + 0.7
    sides = shared + noise * rng.normal(size=(2, n, d))
    return (sides * rng.lognormal(size=(2, n, 1))).astype(np.float32)


def texts(n, kinds, seed=0):
    rng = np.random.default_rng(seed)
    return tuple([str(text) for text in rng.integers(0, kinds, n)] for _ in range(2))


def brute_force(source, target, source_texts, target_texts, neighbours):
    """The retrieval measures by their definitions, with one list for each row."""
    n = len(source)
    source_texts = source_texts or [f"s{i}" for i in range(n)]
    target_texts = target_texts or [f"t{i}" for i in range(n)]
    u, v = (side.astype(np.float64) for side in (source, target))
    cosine = [[float(a @ b / np.sqrt((a @ a) * (b @ b))) for b in v] for a in u]
    others = [
        [
            j
            for j in range(n)
            if source_texts[i] != source_texts[j] and target_texts[i] != target_texts[j]
        ]
        for i in range(n)
    ]

    def nearest(cosines):
        largest = sorted(cosines, reverse=True)[: min(neighbours, n - 1)]
        return sum(largest) / len(largest)

    r_source = [nearest([cosine[i][j] for j in [i, *others[i]]]) for i in range(n)]
    r_target = [nearest([cosine[j][i] for j in [i, *others[i]]]) for i in range(n)]
    csls = [
        [2 * cosine[i][j] - r_source[i] - r_target[j] for j in range(n)]
        for i in range(n)
    ]
    ranked = [i for i in range(n) if others[i]]

    def share(wins):
        return sum(wins) / len(ranked)

    def row(scores, i):
        return all(scores[i][i] > scores[i][j] + 1e-12 for j in others[i])

    def column(scores, i):
        return all(scores[i][i] > scores[j][i] + 1e-12 for j in others[i])

    return {
        "n": n,
        "n_ranked": len(ranked),
        "mexa": share([row(cosine, i) and column(cosine, i) for i in ranked]),
        "p1_forward": share([row(cosine, i) for i in ranked]),
        "p1_backward": share([column(cosine, i) for i in ranked]),
        "csls": share([csls[i][i] for i in ranked]),
        "csls_p1_forward": share([row(csls, i) for i in ranked]),
        "csls_p1_backward": share([column(csls, i) for i in ranked]),
    }


def approx(result, tolerance):
    return pytest.approx(asdict(result), abs=tolerance)


NO_TEXTS = (None, None)


@pytest.mark.parametrize("neighbours", [1, 3, 10, 100])
@pytest.mark.parametrize("some", [NO_TEXTS, texts(40, 25), (texts(40, 9)[0], None)])
def test_retrieval_equals_the_definitions(some, neighbours):
    source, target = vectors()
    result = asdict(alignment(source, target, *some, neighbours=neighbours))
    expected = brute_force(source, target, *some, neighbours)
    assert {name: result[name] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(60))
def test_retrieval_equals_the_definitions_on_small_random_data(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(pairs, "BLOCK", int(rng.integers(1, 12)))
    n, d, k = (int(rng.integers(low, high)) for low, high in ((4, 25), (1, 9), (1, 6)))
    source, target = vectors(n, d, seed, noise=rng.choice([0.1, 0.5, 2]))
    some = texts(n, int(rng.integers(3, 2 * n)), seed)
    result = asdict(alignment(source, target, *some, neighbours=k))
    expected = brute_force(source, target, *some, k)
    assert {name: result[name] for name in expected} == pytest.approx(expected)


def test_the_pass_leaves_some_csls_winners_open_and_settles_them(monkeypatch):
    # Without the second look at rows the listed pairs would decide, and wrongly here.
    looked_at = []
    original = module.Rows.unit

    def unit(self, rows, columns=slice(None)):
        if not isinstance(rows, slice):
            looked_at.extend(rows)
        return original(self, rows, columns)

    monkeypatch.setattr(module.Rows, "unit", unit)
    unlike = 0
    for seed in range(40):
        source, target = vectors(30, 3, seed, noise=1.5)
        result = asdict(alignment(source, target, neighbours=2))
        expected = brute_force(source, target, None, None, 2)
        assert {name: result[name] for name in expected} == pytest.approx(expected)
        unlike += expected["csls_p1_forward"] != expected["p1_forward"]
    assert looked_at
    assert unlike


def test_a_competitor_that_is_near_to_no_other_item_beats_the_nearest_by_csls():
    # Target 3 is not among the 2 nearest of source 0, and farther than its translation
    # and than both of them, but source 0 is all that it is near to.
    cosines = np.array(
        [
            [0.80, 0.6, 0.6, +0.59, 0.0],
            [0.55, 0.8, 0.0, -0.40, 0.0],
            [0.00, 0.0, 0.8, -0.40, 0.0],
            [0.00, 0.0, 0.0, -0.40, 0.0],
            [0.00, 0.0, 0.0, -0.40, 0.8],
        ]
    )
    rest = np.sqrt(1 - (cosines**2).sum(axis=0))
    source, target = np.eye(5, 6), np.column_stack([cosines.T, rest])
    result = alignment(source, target, neighbours=2)
    expected = brute_force(source, target, None, None, 2)
    assert result.p1_forward == expected["p1_forward"] == pytest.approx(4 / 5)
    assert result.csls_p1_forward == expected["csls_p1_forward"] == pytest.approx(3 / 5)
    assert alignment(target, source, neighbours=2).csls_p1_backward == 3 / 5


def test_means_are_those_of_similarity():
    source, target = vectors()
    some = texts(40, 30)
    result, expected = (
        alignment(source, target, *some),
        similarity(source, target, *some),
    )
    assert result.parallel == pytest.approx(expected.parallel, abs=1e-13)
    assert result.random == pytest.approx(expected.random, abs=1e-13)
    assert result.gap == result.parallel - result.random


def test_centred_and_whitened_means_are_those_of_similarity_on_transformed_vectors():
    source, target = vectors()
    some = texts(40, 30)
    result = alignment(source, target, *some)
    own = [
        side.astype(np.float64) - side.mean(0, np.float64) for side in (source, target)
    ]
    expected = similarity(*own, *some)
    assert result.centred_parallel == pytest.approx(expected.parallel, abs=1e-12)
    assert result.centred_random == pytest.approx(expected.random, abs=1e-12)
    white = whiten(source, target)
    expected = similarity(*white, *some)
    assert result.whitened_parallel == pytest.approx(expected.parallel, abs=1e-12)
    assert result.whitened_random == pytest.approx(expected.random, abs=1e-12)
    assert result.whitened_directions == white[0].shape[1] == 4


def test_a_translation_equal_to_its_source_is_found_by_every_measure():
    source, _ = vectors(50, 8)
    result = alignment(source, source)
    assert (result.mexa, result.p1_forward, result.p1_backward) == (1, 1, 1)
    assert (result.csls_p1_forward, result.csls_p1_backward) == (1, 1)
    for one in ("parallel", "centred_parallel", "whitened_parallel", "anc"):
        assert getattr(result, one) == pytest.approx(1), one
    assert (result.cka, result.cka_debiased) == pytest.approx((1, 1))


def test_two_items():
    result = alignment(np.eye(2), np.array([[2, 1], [1, 3.0]]))
    assert result.p1_forward == result.p1_backward == result.mexa == 1
    # k is capped at 1: r is the nearest of all, and here that is the translation.
    assert result.csls == pytest.approx(0)
    assert result.csls_p1_forward == result.csls_p1_backward == 1
    assert result.centred_parallel == pytest.approx(3 / np.sqrt(10))
    assert result.cka == pytest.approx(1)
    assert result.cka_debiased is None
    crossed = alignment(np.eye(2), np.array([[1, 2], [3.0, 1]]))
    assert crossed.mexa == crossed.p1_forward == crossed.csls_p1_backward == 0


@pytest.mark.parametrize("block", [7, 32, 1024])
def test_a_tie_is_a_failure_whatever_its_rounding(block, monkeypatch):
    monkeypatch.setattr(pairs, "BLOCK", block)
    rng = np.random.default_rng(0)
    source = rng.normal(size=(100, 57))
    target = source + 0.1 * rng.normal(size=(100, 57))
    # Each of the first 50 once more, in another length: its direction is rounded anew.
    source, target = (np.concatenate([x, 3 * x[:50]]) for x in (source, target))
    result = alignment(source, target)
    for name in ("mexa", "p1_forward", "csls_p1_forward", "csls_p1_backward"):
        assert getattr(result, name) == pytest.approx(50 / 150), name
    # Told that they are the same sentences, they compete no more.
    same = [str(i % 100) for i in range(150)]
    assert alignment(source, target, same, same).mexa == 1


def test_items_without_a_competitor_are_in_no_share():
    # Item 0 shares a text with each of the others, which share none.
    source, target = vectors(3, 4)
    result = alignment(source, target, ["a", "a", "b"], ["x", "y", "x"])
    assert (result.n, result.n_ranked) == (3, 2)
    last = alignment(source[1:], target[1:])
    assert (result.mexa, result.p1_forward) == (last.mexa, last.p1_forward)


def test_sentences_that_all_have_the_same_vector():
    # As the last token before any layer, where every sentence ends in the same one.
    source, target = np.full((6, 3), 0.1, np.float32), vectors(6, 3)[0]
    result = alignment(source, target)
    assert result.p1_forward < 0.5
    assert result.p1_backward == 0  # all tie
    assert result.centred_parallel is result.centred_random is None
    assert result.whitened_parallel is result.whitened_random is None
    assert result.whitened_directions == result.anc_dimensions == 0
    assert result.cka is result.cka_debiased is result.anc is None


@pytest.fixture(params=[(60, 8), (30, 70)], ids=["n > d", "n <= d"])
def sides(request):
    n, d = request.param
    return (*vectors(n, d), *texts(n, n))


def test_the_order_of_items_does_not_matter(sides):
    order = np.random.default_rng(1).permutation(len(sides[0]))
    shuffled = [[side[i] for i in order] for side in sides[2:]]
    result = alignment(sides[0][order], sides[1][order], *shuffled)
    assert asdict(result) == approx(alignment(*sides), 1e-7)


def test_length_of_vectors_does_not_matter_to_cosines_of_the_vectors(sides):
    source, target, *some = sides
    lengths = np.random.default_rng(1).lognormal(size=(2, len(source), 1))
    straight = asdict(alignment(*sides))
    scaled = asdict(alignment(source * lengths[0], target * lengths[1], *some))
    plain = ("parallel", "random", "mexa", "p1_forward", "csls", "csls_p1_backward")
    assert {name: scaled[name] for name in plain} == pytest.approx(
        {name: straight[name] for name in plain}, abs=1e-12
    )


def test_scale_of_a_language_matters_to_no_measure(sides):
    source, target, *some = sides
    result = alignment(source * 128, target / 4, *some)
    assert asdict(result) == approx(alignment(*sides), 1e-7)


def test_a_joint_rotation_matters_to_anc_alone(sides):
    source, target, *some = sides
    d = source.shape[1]
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(d, d)))
    straight = alignment(*sides)
    rotated = alignment(source @ rotation, target @ rotation, *some)
    assert rotated.anc != pytest.approx(straight.anc, abs=1e-4)
    assert asdict(replace(rotated, anc=straight.anc)) == approx(straight, 1e-6)


def test_a_rotation_of_one_language_does_not_matter_to_cka(sides):
    source, target, *some = sides
    d = source.shape[1]
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(d, d)))
    straight, rotated = alignment(*sides), alignment(source, target @ rotation, *some)
    assert rotated.cka == pytest.approx(straight.cka, abs=1e-12)
    assert rotated.cka_debiased == pytest.approx(straight.cka_debiased, abs=1e-12)
    assert rotated.parallel != pytest.approx(straight.parallel, abs=1e-3)


def test_source_and_target_can_change_places(sides):
    source, target, source_texts, target_texts = sides
    straight = alignment(*sides)
    swapped = alignment(target, source, target_texts, source_texts)
    expected = replace(
        straight,
        p1_forward=straight.p1_backward,
        p1_backward=straight.p1_forward,
        csls_p1_forward=straight.csls_p1_backward,
        csls_p1_backward=straight.csls_p1_forward,
    )
    assert asdict(swapped) == approx(expected, 1e-7)


@pytest.mark.parametrize("block", [1, 7, 29, 30])
def test_the_size_of_blocks_does_not_matter(sides, block, monkeypatch):
    straight = alignment(*sides)
    monkeypatch.setattr(pairs, "BLOCK", block)
    monkeypatch.setattr(pairs, "COLUMNS", block)
    assert asdict(alignment(*sides)) == approx(straight, 1e-7)


def test_memory_mapped_vectors_give_the_same_and_are_left_alone(tmp_path, sides):
    source, target, *some = sides
    mapped = []
    for name, side in (("source", source), ("target", target)):
        np.save(tmp_path / f"{name}.npy", side)
        mapped.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    before = source.copy(), target.copy()
    assert alignment(*mapped, *some) == alignment(*sides)
    assert np.array_equal(source, before[0])
    assert np.array_equal(target, before[1])


def three(value, row=1):
    side = np.eye(3)
    side[row] = value
    return side


@pytest.mark.parametrize(
    "arguments",
    [
        (np.ones((3, 2)), np.ones((4, 2))),
        (np.ones(3), np.ones(3)),
        (np.ones((1, 2)), np.ones((1, 2))),
        (np.ones((3, 0)), np.ones((3, 0))),
        (np.eye(3), three(0)),
        (three(0), np.eye(3)),
        (np.eye(3), three(np.nan)),
        (three([1, np.inf, 0], row=2), three(-np.inf)),
        (np.eye(3), np.eye(3), ["a", "b", "c"], ["a", "b"]),
        (np.eye(3), np.eye(3), ["a", "a", "a"], ["x", "y", "y"]),
    ],
)
def test_faults_are_told_in_the_words_of_similarity(arguments):
    with pytest.raises(SpilloverError) as expected:
        similarity(*arguments)
    with pytest.raises(DataError) as raised:
        alignment(*arguments)
    assert str(raised.value) == str(expected.value)


def test_csls_needs_a_neighbour():
    with pytest.raises(DataError, match="0 neighbours"):
        alignment(*vectors(), neighbours=0)


def test_mexa_over_layers():
    assert mexa_over_layers([0.5, 0.0, 1.0, 0.5]) == (0.5, 1.0)
    assert mexa_over_layers([0.25]).max == mexa_over_layers([0.25]).mean == 0.25


def test_mexa_over_layers_needs_one():
    with pytest.raises(DataError, match="no layer"):
        mexa_over_layers([])
