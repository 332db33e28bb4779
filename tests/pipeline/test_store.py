"""Keys, and what counts as finished."""

from __future__ import annotations

import json
import multiprocessing
import time
from pathlib import Path

import pytest

from spillover.errors import OutputError
from spillover.pipeline.store import MANIFEST, Busy, Spec, Store

SPEC = Spec("evaluate", "evaluate t en before", {"seed": 1, "settings": {"beams": 4}})


def test_the_key_is_of_kind_and_fields_and_not_of_their_order() -> None:
    turned = dict(reversed(SPEC.fields.items()))
    assert Spec("evaluate", "another slot", turned).key == SPEC.key
    assert Spec("embed", SPEC.slot, SPEC.fields).key != SPEC.key
    assert Spec("evaluate", SPEC.slot, SPEC.fields | {"seed": 2}).key != SPEC.key


def test_a_result_counts_once_its_block_ends_well(tmp_path: Path) -> None:
    store, facts = Store(tmp_path), dict[str, float]()
    with store.making(SPEC, facts) as folder:
        assert folder is not None
        (folder / "out").write_text("x")
        facts["seconds"] = 2.5
        assert not store.finished(SPEC)
    assert store.finished(SPEC)
    assert (store.folder(SPEC) / "out").read_text() == "x"
    manifest = json.loads((store.folder(SPEC) / MANIFEST).read_text("utf-8"))
    assert manifest["fields"] == SPEC.fields
    assert (manifest["slot"], manifest["seconds"]) == (SPEC.slot, 2.5)


def test_what_is_finished_is_not_made_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.making(SPEC, {}):
        pass
    with store.making(SPEC, {}) as folder:
        assert folder is None
    assert not list(tmp_path.glob("*/*.partial"))


def test_a_failed_step_leaves_its_folder_to_go_on_from(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail() -> None:
        with store.making(SPEC, {}) as folder:
            assert folder is not None
            (folder / "half").write_text("x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not store.finished(SPEC)
    with store.making(SPEC, {}) as folder:
        assert folder is not None
        assert (folder / "half").read_text() == "x"
    assert store.finished(SPEC)


def test_a_folder_without_a_manifest_does_not_exist(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.making(SPEC, {}) as folder:
        assert folder is not None
        (folder / "old").write_text("x")
    (store.folder(SPEC) / MANIFEST).unlink()
    assert not store.finished(SPEC)
    assert store.misfits([SPEC]) == {}
    with store.making(SPEC, {}) as folder:
        assert folder is not None
    assert store.finished(SPEC)
    assert not (store.folder(SPEC) / "old").exists()


def test_who_does_not_wait_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.making(SPEC, {}) as folder:
        assert folder is not None
        with pytest.raises(Busy), store.making(SPEC, {}, wait=0):
            pytest.fail("two processes in one folder")
    with store.making(SPEC, {}, wait=0) as folder:
        assert folder is None


def test_where_nothing_can_be_locked_the_first_result_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.making(SPEC, {}) as folder:
        assert folder is not None
        (folder / "mine").write_text("x")
        theirs = store.folder(SPEC)  # of another machine, meanwhile
        theirs.mkdir()
        (theirs / MANIFEST).write_text("{}")
    assert [path.name for path in theirs.iterdir()] == [MANIFEST]
    assert not folder.exists()


def test_where_another_takes_the_folder_its_result_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.making(SPEC, {}) as folder:
        assert folder is not None
        (folder / MANIFEST).write_text("{}")
        folder.rename(store.folder(SPEC))  # by another machine, meanwhile
        (folder / "mine").write_text("x")
        pytest.fail("written into a folder that is not there")
    assert [path.name for path in store.folder(SPEC).iterdir()] == [MANIFEST]


def compute_once(root: Path, log: Path) -> None:
    """Make the same step as other processes, and say so if it was this one."""
    with Store(root).making(SPEC, {}) as folder:
        if folder is not None:
            with log.open("a") as file:
                file.write("computed\n")
            time.sleep(0.2)


def test_of_two_processes_one_computes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    context = multiprocessing.get_context("spawn")
    both = [
        context.Process(target=compute_once, args=(tmp_path / "steps", log))
        for _ in range(2)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert log.read_text() == "computed\n"
    assert Store(tmp_path / "steps").finished(SPEC)


def test_misfit_names_the_fields_of_the_nearest_result(tmp_path: Path) -> None:
    store = Store(tmp_path)
    both = ("yes", "Yes"), ("no", "No")
    spec = Spec(SPEC.kind, SPEC.slot, SPEC.fields | {"answers": both})
    near = spec.fields | {"settings": {"beams": 1}}
    far = {"seed": 9, "settings": {"beams": 2}, "new": 1}
    for fields in (near, far):
        with store.making(Spec("evaluate", SPEC.slot, fields), {}):
            pass
    with store.making(Spec("evaluate", "evaluate t fr before", SPEC.fields), {}):
        pass
    elsewhere = Spec("evaluate", "elsewhere", SPEC.fields)
    of_another_kind = Spec("embed", SPEC.slot, SPEC.fields)
    asked = [spec, elsewhere, of_another_kind]
    assert store.misfits(asked) == {spec: ["settings.beams"]}


@pytest.mark.parametrize("damaged", ["", "{}", "[1]", '{"slot": "a"}', '{"slot'])
def test_a_damaged_manifest_explains_nothing(tmp_path: Path, damaged: str) -> None:
    store = Store(tmp_path)
    with store.making(SPEC, {}):
        pass
    other = Spec(SPEC.kind, SPEC.slot, {**SPEC.fields, "seed": 7})
    assert store.misfits([SPEC, other]) == {SPEC: [], other: ["seed"]}
    (store.folder(SPEC) / "manifest.json").write_text(damaged)
    assert store.misfits([other]) == {}


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "steps").write_text("a file")
    with (
        pytest.raises(OutputError, match=r"cannot be written .*name another folder"),
        Store(tmp_path / "steps").making(SPEC, {}),
    ):
        pass
