"""Pushing to a Hub that runs here, in a thread, and keeps what it is sent."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pandas as pd
import pytest
import torch
from huggingface_hub import HfApi, ModelCard, constants
from peft import PeftModel
from transformers import AutoModelForCausalLM

from spillover import cli
from spillover import hub as hub_module
from spillover.adapters import attach
from spillover.cli.hub import push as command
from spillover.errors import ModelError, OutputError, StudyError
from spillover.hub import choose, contents, push
from spillover.model_checks import probe
from spillover.models import load_model
from spillover.results import Results

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any

# huggingface_hub sends a file to its HTTP library by an old name.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<:DeprecationWarning")

Done = tuple[TinyStudy, Results]
REPO = "someone/tiny-opinions"
FILES = {"README.md", "adapter_config.json", "adapter_model.safetensors", "study.yaml"}


@dataclass
class FakeHub:
    """What a Hub remembers, and how it answers.

    Attributes:
        endpoint: its address.
        files: (repository, branch) -> name -> bytes.
        private: repository -> whether it is.
        blobs: what was uploaded, by its SHA-256.
        requests: all that was asked, as `POST /path`.
        refuse: part of a path -> status and message of the answer to it.
        invalid: what is wrong with every card.
        token: the one token that may write.
    """

    endpoint: str = ""
    files: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    refuse: dict[str, tuple[int, str]] = field(default_factory=dict)
    invalid: list[str] = field(default_factory=list)
    token: str = "hf_mine"  # noqa: S105

    @property
    def api(self) -> HfApi:
        return HfApi(endpoint=self.endpoint, token=self.token)

    def answer(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and JSON for a request; see huggingface_hub's own client."""
        if path.startswith("/lfs/"):
            assert hashlib.sha256(body).hexdigest() == path.removeprefix("/lfs/")
            self.blobs[path.removeprefix("/lfs/")] = body
            return 200, {}
        if path == "/api/repos/create":
            asked = json.loads(body)
            repo = f"{asked['organization']}/{asked['name']}"
            status = 409 if repo in self.private else 200
            self.private.setdefault(repo, asked.get("visibility") == "private")
            self.files.setdefault((repo, "main"), {})
            return status, {"url": f"{self.endpoint}/{repo}"}
        if path == "/api/validate-yaml":
            assert ModelCard(json.loads(body)["content"]).data.library_name == "peft"
            told = [{"message": text} for text in self.invalid]
            return (400 if told else 200), {"errors": told, "warnings": []}
        if path.endswith(".git/info/lfs/objects/batch"):
            actions = [
                of
                | {"actions": {"upload": {"href": f"{self.endpoint}/lfs/{of['oid']}"}}}
                for of in json.loads(body)["objects"]
            ]
            return 200, {"objects": actions, "transfer": "basic"}
        user, name, *rest = path.removeprefix("/api/models/").split("/")
        return self.of_repository(f"{user}/{name}", rest, body)

    def of_repository(
        self, repo: str, path: list[str], body: bytes
    ) -> tuple[int, dict[str, Any]]:
        match path:
            case _ if repo not in self.private:
                return 404, {"error": "Repository not found"}
            case []:
                return 200, {"id": repo, "private": self.private[repo]}
            case ["branch", branch]:
                there = (repo, unquote(branch)) in self.files
                self.files.setdefault((repo, unquote(branch)), {})
                return (409 if there else 200), {}
            case ["preupload", _]:
                modes = [
                    {
                        "path": of["path"],
                        "uploadMode": "lfs"
                        if "safetensors" in of["path"]
                        else "regular",
                        "shouldIgnore": False,
                    }
                    for of in json.loads(body)["files"]
                ]
                return 200, {"files": modes}
            case ["commit", branch]:
                held = self.files[repo, unquote(branch)]
                for line in body.splitlines():
                    entry = json.loads(line)
                    value = entry["value"]
                    if entry["key"] == "file":
                        held[value["path"]] = base64.b64decode(value["content"])
                    elif entry["key"] == "lfsFile":
                        held[value["path"]] = self.blobs[value["oid"]]
                url = f"{self.endpoint}/{repo}/commit/{'c' * 40}"
                return 200, {"commitUrl": url, "commitOid": "c" * 40}
        raise AssertionError(f"{repo}: {path} is not answered here")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    made = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body, path = self.rfile.read(length), self.path.partition("?")[0]
            made.requests.append(f"{self.command} {path}")
            told = next((of for part, of in made.refuse.items() if part in path), None)
            trusted = self.headers.get("Authorization") == f"Bearer {made.token}"
            if told is not None:
                status, text = told
                answer: dict[str, Any] = {"error": text}
            elif not trusted and not path.startswith("/lfs/"):
                status, answer = 401, {"error": "Invalid username or password."}
            else:
                status, answer = made.answer(path, body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_GET = do_POST = do_PUT = do  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def files(tiny_done: Done) -> dict[str, bytes | Path]:
    return contents(choose(tiny_done[1], "opinions"), REPO)


@pytest.mark.filterwarnings("ignore:The PEFT config's `base_model_name_or_path` was")
def test_what_the_hub_got_loads_and_is_the_adapter_of_the_run(
    hub: FakeHub, tiny_done: Done, tmp_path: Path
) -> None:
    made, results = tiny_done
    sent = contents(choose(results, "opinions"), REPO, "apache-2.0")
    url = push(sent, REPO, api=hub.api)
    assert url == f"{hub.endpoint}/{REPO}/commit/{'c' * 40}"
    got = hub.files[REPO, "main"]
    assert got.keys() == FILES
    for name, content in got.items():
        (tmp_path / name).write_bytes(content)
    run = results.folder
    assert got["study.yaml"] == (run / "study.yaml").read_bytes()
    assert made.raw["model"] not in got["README.md"].decode()
    assert made.raw["model"] not in got["adapter_config.json"].decode()

    def base() -> Any:
        return load_model(made.raw["model"], device="cpu", dtype="float32")

    own = probe(attach(base(), run / "adapters" / "opinions"))
    model = base()
    assert not torch.equal(probe(model), own)
    assert torch.equal(probe(attach(model, tmp_path)), own)
    ids = torch.tensor(model.encode(["The capital of France is"]))
    plain = AutoModelForCausalLM.from_pretrained(made.raw["model"])
    with torch.inference_mode():
        logits = PeftModel.from_pretrained(plain, tmp_path).eval()(ids).logits
    assert torch.equal(logits[0, -1], own)
    card = ModelCard.load(tmp_path / "README.md").data
    assert card.license == "apache-2.0"
    assert len(card.eval_results) == 4


def test_a_private_repository_and_a_branch(
    hub: FakeHub, files: dict[str, bytes | Path]
) -> None:
    for _ in range(2):  # the second time, both are there already
        push(files, REPO, private=True, revision="v/2", api=hub.api)
    assert hub.private == {REPO: True}
    assert hub.files[REPO, "v/2"].keys() == FILES
    assert hub.files[REPO, "main"] == {}


def test_nothing_private_goes_into_a_public_repository(
    hub: FakeHub, files: dict[str, bytes | Path]
) -> None:
    hub.private[REPO] = False
    with pytest.raises(OutputError, match="the repository is public already"):
        push(files, REPO, private=True, api=hub.api)
    assert not [asked for asked in hub.requests if "commit" in asked or "lfs" in asked]


@pytest.mark.parametrize(
    ("part", "status", "message"),
    [
        ("create", 403, "your token may not write there (HTTP 403: Told."),
        ("create", 404, "the Hub has no such place for you (HTTP 404: Told.)"),
        ("create", 400, "the Hub refuses it (HTTP 400: Told.)"),
        ("create", 503, "the Hub has a fault (HTTP 503: Told.); push again later"),
        ("branch", 429, "the Hub wants fewer requests (HTTP 429: Told.)"),
        ("commit", 500, "the Hub has a fault (HTTP 500: Told.); push again later"),
        ("/lfs/", 403, "your token may not write there (HTTP 403"),
    ],
)
def test_a_refusal_is_one_sentence_with_a_way_out(
    hub: FakeHub,
    files: dict[str, bytes | Path],
    part: str,
    status: int,
    message: str,
) -> None:
    hub.refuse[part] = status, "Told."
    with pytest.raises(OutputError) as caught:
        push(files, REPO, revision="other", api=hub.api)
    assert str(caught.value).startswith(f"{REPO}: {message}")
    assert len(str(caught.value).splitlines()) == 1
    assert hub.files.get((REPO, "other"), {}) == {}


def test_a_wrong_token_says_how_to_log_in(
    hub: FakeHub, files: dict[str, bytes | Path]
) -> None:
    with pytest.raises(OutputError, match=r"who you are .*; 'hf auth login'"):
        push(files, REPO, api=HfApi(endpoint=hub.endpoint, token="hf_other"))
    with pytest.raises(OutputError, match=r"who you are .*; 'hf auth login'"):
        push(files, REPO, api=HfApi(endpoint=hub.endpoint, token=False))


def test_a_card_that_the_hub_does_not_take_is_an_error_before_any_upload(
    hub: FakeHub, files: dict[str, bytes | Path]
) -> None:
    hub.invalid.append('"license" must be one of …')
    with pytest.raises(OutputError, match=r'refuses it .*"license" must be one of'):
        push(files, REPO, api=hub.api)
    assert not hub.blobs


def test_no_hub_and_no_leave_to_reach_it(
    hub: FakeHub, files: dict[str, bytes | Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = HfApi(endpoint="http://127.0.0.1:9", token="hf_mine")
    with pytest.raises(OutputError, match=r"the Hub cannot be reached .*connection"):
        push(files, REPO, api=nobody)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(OutputError, match=r"HF_HUB_OFFLINE forbids .*; unset it"):
        push(files, REPO, api=hub.api)
    assert not hub.requests


@pytest.mark.parametrize("repo", ["a/b/c", "a/b b", "-a/b", "a/b--c", "ab"])
def test_a_name_that_no_repository_can_have(tiny_done: Done, repo: str) -> None:
    with pytest.raises(StudyError, match="expected user/name"):
        contents(choose(tiny_done[1], "opinions"), repo)


def test_which_adapter_must_be_clear(tiny_done: Done) -> None:
    results = tiny_done[1]
    with pytest.raises(StudyError, match="2 tasks; say which with --task: opinions, t"):
        choose(results)
    with pytest.raises(StudyError, match="unknown task 'opinion'; did you mean 'opin"):
        choose(results, "opinion")
    with pytest.raises(StudyError, match="--seed: unknown seed '5'"):
        choose(results, "opinions", 5)
    study = results.study.model_copy(update={"seeds": (1, 2)})
    with pytest.raises(StudyError, match="2 seeds; say which with --seed: 1, 2"):
        choose(replace(results, study=study), "opinions")


def test_the_card_of_one_seed_is_of_no_other(tiny_done: Done) -> None:
    results = tiny_done[1]
    study = results.study.model_copy(update={"seeds": (1, 2)})
    names = ("evaluations", "comparisons", "similarities", "correlations")
    names += ("diagnostics", "confusions")
    frames = {}
    for name in names:
        frame = getattr(results, name)
        other = frame[frame["seed"].notna()].assign(seed=2)
        frames[name] = pd.concat([frame, other], ignore_index=True)
    alone = hub_module._alone(replace(results, study=study, **frames), "opinions", 1)
    for name in names:
        assert set(getattr(alone, name)["seed"].dropna()) == {1}, name


def test_an_adapter_that_is_not_there_or_damaged(
    tiny_done: Done, tmp_path: Path
) -> None:
    results = replace(tiny_done[1], folder=tmp_path)
    with pytest.raises(ModelError, match=r"no adapter_config\.json"):
        choose(results, "opinions")
    folder = tmp_path / "adapters" / "opinions"
    folder.mkdir(parents=True)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        whole = (tiny_done[1].folder / "adapters" / "opinions" / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        with pytest.raises(ModelError, match="opinions: the adapter is damaged"):
            choose(results, "opinions")
        whole = tiny_done[1].folder / "adapters" / "opinions" / name
        shutil.copyfile(whole, folder / name)
    choose(results, "opinions")


@pytest.mark.parametrize("name", ["adapter_config.json", "study.yaml"])
def test_a_link_in_a_runs_folder_is_not_uploaded(
    tiny_done: Done, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(tiny_done[1].folder, folder)
    [path] = [*folder.rglob(name)][:1]
    other = tmp_path / "other"
    shutil.move(path, other)
    path.symlink_to(other)
    adapter = choose(replace(tiny_done[1], folder=folder), "opinions")
    with pytest.raises(OutputError, match="a link, which is not followed"):
        contents(adapter, "user/name")


def test_an_adapter_on_an_adapter_is_refused(tiny_done: Done) -> None:
    results = tiny_done[1]
    spec = results.study.model.model_copy(update={"adapter": Path("x")})
    study = results.study.model_copy(update={"model": spec})
    with pytest.raises(StudyError, match="the base model has an adapter of its own"):
        choose(replace(results, study=study), "opinions")


def test_the_command(
    hub: FakeHub,
    tiny_done: Done,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setenv("HF_TOKEN", hub.token)
    run = tiny_done[1].folder
    line = "spillover", "push", str(run), REPO, "--task", "opinions", "--private"
    monkeypatch.setattr("sys.argv", [*line])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert f"{REPO}: 4 files of " in capsys.readouterr().out
    assert hub.private == {REPO: True}
    assert hub.files[REPO, "main"].keys() == FILES


def test_a_dry_run_writes_the_card_and_asks_nobody(
    hub: FakeHub,
    tiny_done: Done,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    run = shutil.copytree(tiny_done[1].folder, tmp_path / "run")
    answer = command(run, REPO, task="titles", dry_run=True)
    told = capsys.readouterr().out
    assert all(name in told for name in FILES)
    card = run / "adapters" / "titles" / "README.md"
    assert f"Nothing was sent; the card is in {card}" in told
    assert ModelCard.load(card).data.language == ["en", "de", "fr"]
    assert answer.document["files"]["README.md"] == card.stat().st_size
    assert not hub.requests


def test_the_python_of_the_page(
    hub: FakeHub, tiny_done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setenv("HF_TOKEN", hub.token)
    shutil.copytree(tiny_done[1].folder, "runs/quickstart")
    page = Path(__file__).parents[1] / "docs" / "push.md"
    [code] = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.M | re.S)
    exec(code.replace("mini-paraphrase", "opinions"), {})  # noqa: S102 - our own text
    assert hub.files["you/paraphrase-lora", "main"].keys() == FILES
