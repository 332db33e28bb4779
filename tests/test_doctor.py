"""What is looked at before a run, and what is said about what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import torch
from huggingface_hub import constants

from spillover import doctor, gguf
from spillover.doctor import GIB, Check, examine
from spillover.errors import Faults
from spillover.model_spec import EMBEDDED, ModelSpec, cache_folder
from spillover.study import Study, parse_study
from spillover.study_file import read_study

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any


def checks(study: Study | None = None, **options: Any) -> dict[str, Check]:
    found = examine(study, **options)
    assert all(check.fix is None for check in found if check.state == "ok")
    return {check.name: check for check in found}


def test_a_study_that_can_run(tiny_study: TinyStudy) -> None:
    found = checks(
        tiny_study.study,
        data_root=tiny_study.data,
        out=tiny_study.out,
        device="cpu",
    )
    assert "missing" not in {check.state for check in found.values()}
    assert list(found)[:2] == ["Python", "packages"]
    assert f"torch {torch.__version__}" in found["packages"].found
    assert found["device"].found.startswith("a run takes cpu and float32; bf16 is ")
    assert found["model"].found == str(tiny_study.raw["model"])
    assert found["task opinions"].found == "5 of 5 files found"
    assert found["task titles"].found == "4 of 4 files found"
    assert found["corpus lines"].found == "4 of 4 files found"
    assert found["Hub"].found == "not asked; --network asks it"
    assert not tiny_study.out.parent.exists()


def test_a_file_that_is_missing_is_named(tiny_study: TinyStudy) -> None:
    path = tiny_study.data / "de.test.jsonl"
    path.unlink()
    found = checks(tiny_study.study, data_root=tiny_study.data)
    opinions = found["task opinions"]
    assert opinions.state == "missing"
    assert opinions.found == f"4 of 5 files found; no such file: {path}"
    assert opinions.fix == "get the files"
    assert found["corpus lines"].state == "ok"


def test_a_task_that_says_of_no_language_that_it_can_be_learnt(
    tiny_study: TinyStudy,
) -> None:
    """Its files are there, but a run does not read them."""
    del tiny_study.raw["tasks"][0]["task"]["train_languages"]
    found = checks(tiny_study.study, data_root=tiny_study.data)["task opinions"]
    assert found.state == "missing"
    assert "opinions has no train split in 'en'; its 'train_languages'" in found.found


def test_without_a_data_root_files_cannot_be_found(tiny_study: TinyStudy) -> None:
    found = checks(tiny_study.study)["task opinions"]
    assert found.state == "missing"
    assert found.found == (
        "the test split of opinions in 'en' is not on the Hub; fetch its files and "
        "name their folder as the data root."
    )


def test_files_to_learn_from_need_their_data_root() -> None:
    with pytest.raises(Faults, match=r"relative to a data root.*--data-root"):
        examine(read_study("paper-cpu"))


def test_without_a_study_all_data_are_looked_for(tmp_path: Path) -> None:
    here = checks()
    assert here["task mini-summary"].found == "7 of 7 files found"
    assert here["task xnli"].found == (
        "to be read from the Hub, not looked for: facebook/xnli, shunk031/JGLUE"
    )
    assert {"task mgsm", "task xcopa", "corpus pud"} <= set(here)
    assert {check.state for name, check in here.items() if name[:4] == "task"} == {"ok"}
    (tmp_path / "jglue/jnli-v1.3").mkdir(parents=True)
    (tmp_path / "jglue/jnli-v1.3/valid-v1.3.json").touch()
    xnli = checks(data_root=tmp_path)["task xnli"]
    assert xnli.state == "warning"
    assert xnli.found.startswith("1 of 3 files found; no such file: ")
    assert xnli.fix == (
        "get the official files (https://github.com/facebookresearch/XNLI), or leave "
        "out the data root to read the Hub"
    )


def test_what_does_not_exist_is_an_error(tiny_study: TinyStudy) -> None:
    tiny_study.raw["corpora"] = [{"corpus": "pudd"}]
    with pytest.raises(Faults, match="unknown corpus 'pudd'; did you mean 'pud'"):
        examine(parse_study(tiny_study.raw))


def test_packages_that_are_not_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["torch>=99", "no-such-package>=2", "rich>=13", 'extra>=1; extra == "more"']
    monkeypatch.setattr(doctor, "requires", lambda name: asked)
    monkeypatch.setattr(doctor, "metadata", lambda name: {"Requires-Python": ">=9"})
    found = checks()
    assert found["Python"].state == "missing"
    assert found["Python"].fix == "make an environment with Python >=9"
    assert found["packages"].found.startswith("rich ")
    assert found["torch"] == Check(
        "torch",
        "missing",
        f"{torch.__version__}, where >=99 is asked for",
        "pip install 'torch>=99'",
    )
    assert found["no-such-package"].found == "not installed, where >=2 is asked for"
    assert "extra" not in found


def test_gpus_are_named_with_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = SimpleNamespace(name="Some GPU")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: gpu)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda number: (20 * GIB, 80 * GIB))
    found = checks(device="cpu")
    assert found["GPU"].found == "cuda:0, Some GPU, 20.0 GiB of 80.0 GiB free"


def test_a_gpu_that_cannot_be_used_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def busy(number: int) -> None:
        raise RuntimeError("CUDA error: device is busy\nand more")

    gpu = SimpleNamespace(name="Some GPU")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: gpu)
    monkeypatch.setattr(torch.cuda, "mem_get_info", busy)
    found = checks(device="cpu")["GPU"]
    told = "cuda:0, Some GPU (CUDA error: device is busy)"
    assert (found.state, found.found) == ("warning", told)
    # A GPU is there, and torch sees none, as with an older driver.
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "nvidia1").touch()  # the second alone, as in a container
    monkeypatch.setattr("spillover.doctor.DEVICES", tmp_path)
    for built, fix in (("13.0", "for CUDA 13.0"), (None, "built for CUDA")):
        monkeypatch.setattr(torch.version, "cuda", built)
        found = checks(device="cpu")["GPU"]
        assert found.state == "warning"
        assert "cannot use it" in found.found
        assert fix in str(found.fix)


def test_a_device_that_is_not_there() -> None:
    found = checks(device="cuda:x")["device"]
    assert found.state == "missing"
    assert "no device 'cuda:x' here" in found.found


def test_the_dtype_is_the_one_that_a_run_takes(
    tiny_study: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for can, words in (
        ({"bf16": True}, "bfloat16; bf16 is fast here"),
        ({}, "float32; bf16 is not fast here"),
    ):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda can=can: can)
        assert checks(device="cpu")["device"].found == f"a run takes cpu and {words}"
    study = tiny_study.study.model_copy(update={"dtype": "float16"})
    found = checks(study, device="cpu")["device"]
    assert found.found == "a run takes cpu and float16; bf16 is not fast here"


def test_little_memory_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = SimpleNamespace(available=20 * GIB, total=32 * GIB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    for limit, state, words in (
        (None, "ok", "20.0 GiB of 32.0 GiB free"),
        (64 * GIB, "ok", "20.0 GiB of 32.0 GiB free"),
        (2 * GIB, "warning", "2.0 GiB of 2.0 GiB free"),
    ):
        monkeypatch.setattr(doctor, "_control_group", lambda limit=limit: limit)
        found = checks()["memory"]
        assert (found.state, found.found) == (state, words)


@pytest.mark.skipif(not Path("/proc/self/cgroup").exists(), reason="no Linux")
def test_the_least_limit_of_the_control_groups_counts(tmp_path: Path) -> None:
    assert doctor._control_group(tmp_path) is None
    (tmp_path / "memory.max").write_text("max\n")
    assert doctor._control_group(tmp_path) is None
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("4000\n")
    assert doctor._control_group(tmp_path) == 4000


def test_where_results_go_must_be_writable_and_have_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    found = checks(out=tmp_path / "file" / "runs")["results"]
    assert found.state == "missing"
    assert "cannot be written" in found.found
    full = SimpleNamespace(free=GIB)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: full)
    found = checks(out=tmp_path / "new" / "runs")["results"]
    assert (found.state, found.found) == (
        "warning",
        f"{tmp_path / 'new' / 'runs'}, 1.0 GiB free",
    )


def test_a_user_without_a_home_is_told_the_rest_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", none)
    for name in ("SPILLOVER_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    found = doctor._disk("cache", cache_folder)
    assert found.state == "missing"
    assert "SPILLOVER_CACHE" in found.found


def test_the_embedded_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPILLOVER_CACHE", str(tmp_path))
    spec = ModelSpec.model_validate(next(iter(EMBEDDED)))
    found = checks()["model"]
    assert (found.state, found.found) == (
        "warning",
        "SmolLM2-135M-Instruct is not in the cache",
    )
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    assert checks()["model"].state == "missing"  # nothing could fetch it
    gguf.place(spec).mkdir(parents=True)
    assert checks()["model"].state == "ok"


@pytest.mark.parametrize(
    ("line", "state", "words"),
    [
        ("./nowhere", "missing", "nowhere/config.json: no such file"),
        ("./no.gguf", "missing", "no.gguf: no such file"),
        (
            "no-one/no-model",
            "warning",
            "no-one/no-model is not in the cache of the Hub",
        ),
    ],
)
def test_other_models(
    line: str, state: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    study = read_study("quickstart", [f"model={line}"])
    found = checks(study)["model"]
    assert (found.state, found.found) == (state, words)


def test_offline_what_is_not_in_the_cache_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    found = checks(read_study("quickstart", ["model=no-one/no-model"]), network=True)
    assert found["model"].state == "missing"
    assert found["model"].fix == "unset HF_HUB_OFFLINE to fetch what its cache lacks"
    assert found["Hub"].state == "warning"
    assert "is not asked for anything" in found["Hub"].found
    assert checks()["task xnli"].state == "warning"


class Answers(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/" else 403)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    serving = HTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=serving.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{serving.server_port}/"
    serving.shutdown()
    serving.server_close()


def test_the_hub_is_asked_where_it_is(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for address, words in (
        (server, f"{server} answers"),
        (f"{server}other", f"{server}other answers (status 403)"),
    ):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        found = checks(network=True)["Hub"]
        assert (found.state, found.found) == ("ok", words)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9/")
    found = checks(network=True)["Hub"]
    assert found.state == "warning"
    assert found.found.startswith("http://127.0.0.1:9/ cannot be reached (")


def test_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    from spillover.report.figures import style

    for there, state in ((["Arial"], "warning"), (["Noto Sans CJK SC"], "ok")):
        monkeypatch.setattr(style, "families", lambda there=there: there)
        assert checks()["fonts"].state == state
