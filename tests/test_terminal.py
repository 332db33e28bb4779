"""What is on the screen during a run, read off an emulated terminal."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable

import pyte
import pytest

from spillover.lint.remark import Remark
from spillover.pipeline.clock import Clock
from spillover.pipeline.plan import Step
from spillover.pipeline.store import Spec
from spillover.terminal import live
from spillover.terminal.console import Stream
from spillover.terminal.live import Progress

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


class Now:
    """A clock that stands until it is turned."""

    time = 0.0

    def __call__(self) -> float:
        return self.time


def step(kind: str, slot: str, items: int = 64, work: float = 640) -> Step:
    return Step(spec=Spec(kind, slot, {}), name="t", items=items, work=work)


def steps() -> list[Step]:
    codes = ("en", "fr", "de", "es", "zh", "ja", "ru", "sw")
    todo = [step("evaluate", f"evaluate mini-paraphrase {c} before") for c in codes]
    return [*todo, step("tune", "tune mini-paraphrase", 1000, 70_000)]


@pytest.fixture
def now() -> Now:
    return Now()


Opened = Callable[..., tuple[Stream, io.StringIO]]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Makes stderr a terminal of some size, or a file; gives what is written to it."""

    def make(width: int = 80, height: int = 24, terminal: bool = True, **more: object):
        file = io.StringIO()
        console = Stream(
            file=file, force_terminal=terminal, width=width, height=height,
            color_system="standard" if terminal else None, legacy_windows=False,
            markup=False, emoji=False, highlight=False, soft_wrap=True, **more,
        )  # fmt: skip
        monkeypatch.setattr(live, "err", console)
        monkeypatch.setattr(live.out, "_force_terminal", terminal)
        return console, file

    return make


def emulated(text: str, width: int = 80, height: int = 24) -> pyte.Screen:
    """A terminal that was sent a text."""
    shown = pyte.Screen(width, height)
    shown.set_mode(pyte.modes.LNM)  # as a tty does, a new line begins at its left
    pyte.Stream(shown).feed(text)
    return shown


def screen(text: str, width: int = 80, height: int = 24) -> list[str]:
    """The lines of it, without empty ones below; bars without their tips."""
    lines = emulated(text, width, height).display
    plain = "\n".join(line.rstrip() for line in lines).rstrip()
    return plain.translate(str.maketrans("╸╺", "━━")).splitlines()


def filled(text: str, line: int) -> int:
    """How many columns of a line are coloured as the done part of a bar is."""
    row = emulated(text).buffer[line]
    return sum(row[column].fg == "cyan" for column in range(80))


def run_one(progress: Progress, now: Now, of: Step, seconds: float = 4) -> None:
    progress.started(of)
    progress.advanced(0, 0, 0)
    now.time += seconds
    progress.advanced(1, of.items, of.items * 30)
    progress.finished(of, seconds)


def redraw(progress: Progress) -> None:
    assert progress.live is not None
    progress.live.refresh()


BAR = "━" * 39


def test_the_view_of_a_run_and_of_its_current_step(now: Now, opened: Opened) -> None:
    _, file = opened()
    todo = steps()
    with Progress(Clock(todo, now), "quickstart", 3) as progress:
        redraw(progress)
        assert screen(file.getvalue()) == [
            "quickstart: 12 steps, 3 done already",
            "quickstart: 3 of 12 steps done, 3 of them before",
            f"{BAR}  0:00:00, time left unknown yet",
            "looks at the data",
        ]
        progress.remarked([])
        redraw(progress)
        assert screen(file.getvalue())[-1] == "loads the model"
        for each in todo[:7]:
            run_one(progress, now, each)
        progress.started(todo[7])
        redraw(progress)
        assert screen(file.getvalue())[4:6] == [
            f"{BAR}  0%, about 4 s left",
            "  no batch done yet",
        ]
        progress.advanced(0, 0, 0)
        now.time += 2
        progress.advanced(0.5, 32, 3200)
        redraw(progress)
        assert screen(file.getvalue()) == [
            "quickstart: 12 steps, 3 done already",
            "quickstart: 10 of 12 steps done, 3 of them before",
            f"{BAR}  0:00:30, about 7 min left",
            "evaluate mini-paraphrase sw before",
            f"{BAR}  50%, about 2 s left",
            "  16 items/s, 1,600 tokens/s",
            *(
                f"     4 s  evaluate mini-paraphrase {code} before"
                for code in ("ru", "ja", "zh", "es", "de")
            ),
        ]
        assert filled(file.getvalue(), 2) == round(39 * 10.5 / 12)
        assert filled(file.getvalue(), 4) == round(39 * 0.5)


def test_the_view_gives_way_to_what_follows(now: Now, opened: Opened) -> None:
    _, file = opened()
    todo = steps()[:2]
    with Progress(Clock(todo, now), "tiny", 0) as progress:
        for each in todo:
            run_one(progress, now, each)
        redraw(progress)
        shown = screen(file.getvalue())
        assert shown[1] == "tiny: 2 of 2 steps done"
        assert shown[2].endswith("━  0:00:08")
        assert shown[3] == "writes the results"
    assert screen(file.getvalue()) == [
        "tiny: 2 steps, 0 done already",
        "2 of 2 steps in 0:00:08",
    ]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 12), (60, 10), (30, 6)])
def test_the_view_fits(width: int, height: int, now: Now, opened: Opened) -> None:
    _, file = opened(width, height)
    todo = [
        step("evaluate", f"evaluate a-task-with-a-long-name {code} after another-task")
        for code in ("en", "fr", "de", "es", "zh", "ja", "ru", "sw")
    ]
    with Progress(Clock(todo, now), "study", 2) as progress:
        for each in todo[:7]:
            run_one(progress, now, each, 4_000)
        progress.started(todo[7])
        progress.advanced(0, 0, 0)
        now.time += 2_000
        progress.advanced(0.5, 123_456, 123_456_789)
        for _ in range(3):
            redraw(progress)
            shown = screen(file.getvalue(), width, height)
            assert len(shown) <= height
            assert "..." not in [line.strip() for line in shown]  # cut, but by us
            titles = [line for line in shown if line.startswith("study: 9 of 10")]
            assert len(titles) == 1
            if height >= 10:
                assert "62 items/s, 61,728 tokens/s" in shown[shown.index(*titles) + 4]
                assert "8:20:00, about 33 min left" in shown[shown.index(*titles) + 1]
    assert all(len(line) <= width for line in screen(file.getvalue(), 200, height))


def test_what_others_write_stands_above_the_view(
    now: Now, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, file = opened()
    monkeypatch.setattr(sys, "stderr", file)
    logger = logging.getLogger("tests.library")
    handler = logging.StreamHandler()  # made before, so that it holds the plain stream
    assert logging.lastResort is not None  # looks up sys.stderr each time
    monkeypatch.setattr(logger, "handlers", [handler, logging.lastResort])
    remark = Remark("warning", "x", "task a", "fr", "3 of 64 are doubled.", 3, 64)
    with Progress(Clock(steps(), now), "tiny", 0) as progress:
        redraw(progress)
        logger.warning("from a log")
        sys.stderr.write("from print\n")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            monkeypatch.setattr(warnings, "showwarning", written)
            warnings.warn("from Python", stacklevel=1)
        progress.remarked([remark])
        redraw(progress)
        shown = screen(file.getvalue())
        assert shown[1:3] == ["from a log", "from a log"]
        assert shown[3:5] == ["from print", "UserWarning: from Python"]
        assert shown[5:7] == [
            "1 doubt about the data ('spillover lint'), as:",
            "  warning, task a: 3 of 64 are doubled.",
        ]
        assert [line.startswith("tiny: 0 of 9") for line in shown].count(True) == 1
        assert shown[-1] == "loads the model"
    assert handler.stream is file
    assert sys.stderr is file


def written(message: Warning, category: type[Warning], *place: object) -> None:
    """As Python writes a warning where pytest does not catch it."""
    sys.stderr.write(f"{category.__name__}: {message}\n")


def test_a_narrower_terminal_keeps_no_rest_of_the_wider_view(
    now: Now, opened: Opened
) -> None:
    console, file = opened()
    with Progress(Clock(steps(), now), "quickstart", 0) as progress:
        # Of one drawing, the lines that 50 columns break are where a terminal that
        # was made narrower has put them.
        assert screen(file.getvalue(), 50)[2] == "━" * 39 + "  0:00:00,"
        console.width = 50
        redraw(progress)
        assert screen(file.getvalue(), 50) == [
            "quickstart: 9 steps, 0 done already",
            "quickstart: 0 of 9 steps done",
            "━" * 9 + "  0:00:00, time left unknown yet",
            "looks at the data",
        ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_stopped_run_leaves_the_terminal_as_it_was(
    error: type[BaseException], now: Now, opened: Opened
) -> None:
    _, file = opened()
    streams = sys.stdout, sys.stderr
    todo = steps()

    def stop() -> None:
        with Progress(Clock(todo, now), "tiny", 0) as progress:
            run_one(progress, now, todo[0])
            progress.started(todo[1])
            redraw(progress)
            raise error

    with pytest.raises(error):
        stop()
    assert (sys.stdout, sys.stderr) == streams
    text = file.getvalue()
    assert text.rindex(SHOW) > text.rindex(HIDE)
    assert screen(text) == ["tiny: 9 steps, 0 done already", "1 of 9 steps in 0:00:04"]


def test_lines_where_there_is_no_terminal(now: Now, opened: Opened) -> None:
    _, file = opened(terminal=False)
    todo = steps()
    with Progress(Clock(todo, now), "tiny", 2) as progress:
        run_one(progress, now, todo[0])
        progress.started(todo[1])
        progress.advanced(0, 0, 0)
        for done in range(1, 5):
            now.time += 8
            progress.advanced(done / 8, 8, 80)
        progress.finished(todo[1], 60)
    assert file.getvalue().splitlines() == [
        "tiny: 11 steps, 2 done already",
        "[3/11] evaluate mini-paraphrase en before: 4 s, 16 items/s, 480 tokens/s, "
        "about 8 min left",
        "      evaluate mini-paraphrase fr before 38%, 1.0 items/s, 10 tokens/s, "
        "about 39 min left",
        "[4/11] evaluate mini-paraphrase fr before: 60 s, 1.0 items/s, 10 tokens/s, "
        "about 35 min left",
        "2 of 9 steps in 0:00:36",
    ]


def test_a_step_without_tokens_tells_its_items_alone(now: Now, opened: Opened) -> None:
    _, file = opened(terminal=False)
    compare = step("compare", "compare mini fr before")
    with Progress(Clock([compare], now), "tiny", 0) as progress:
        progress.started(compare)
        progress.advanced(0, 0, 0)
        now.time += 2
        progress.advanced(1, 64, 0)
        progress.finished(compare, 2)
    assert "[1/1] compare mini fr before: 2 s, 32 items/s, writes the results" in (
        file.getvalue()
    )


def test_a_quiet_stream_shows_nothing(now: Now, opened: Opened) -> None:
    _, file = opened(quiet=True)
    todo = steps()
    with Progress(Clock(todo, now), "tiny", 0) as progress:
        assert progress.live is None
        run_one(progress, now, todo[0])
    assert not file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (5399, "90 min"),
        (11_400, "3 h 10 min"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert live._duration(seconds) == words


@pytest.mark.parametrize("columns", ["0", "", "00"])
def test_columns_that_are_none_hide_nothing(columns: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from spillover.terminal import say; say('told')"],
        env=os.environ | {"COLUMNS": columns},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "told\n", done.stderr
