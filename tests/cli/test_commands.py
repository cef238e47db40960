"""All commands alike: their two functions, their help, and what is imported to list them."""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cxr_core.__main__ import main
from cxr_core.command.option import refuse_given
from cxr_core.command.table import GROUPS, make_parser
from cxr_core.command.terminal import (
    CommandError,
    Pace,
    Tally,
    WrongUsageError,
    as_wrong_usage,
    for_each,
    make_room,
)
from cxr_core.errors import ConfigError, UnreadableImageError

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {command.name: command for group in GROUPS.values() for command in group}
WIDTH = 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_the_same_two_functions(name):
    module = COMMANDS[name].load()
    assert module.__name__ == f"cxr_core.command.{name.replace('-', '_')}"
    assert callable(module.add)
    assert callable(module.run)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_can_be_typed(name, capsys):
    arguments = make_parser(name).parse_args([name, *shlex.split(COMMANDS[name].example)])
    assert arguments.run is COMMANDS[name].load().run
    assert main([name, "--help"]) == 0
    said = capsys.readouterr().out
    assert f"python -m cxr_core {name} {COMMANDS[name].example}\n" in said
    assert max(map(len, said.splitlines())) <= WIDTH


def test_the_first_screen_tells_of_every_command(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    for command in COMMANDS.values():
        assert f"  {command.name:<15}{command.summary}\n" in said
    assert max(map(len, said.splitlines())) <= WIDTH
    assert len(said.splitlines()) < 40


def test_the_guide_tells_of_every_command():
    guide = (ROOT / "docs" / "command-line.md").read_text("utf-8")
    assert not [name for name in COMMANDS if f"cxr_core {name} " not in guide]


def test_commands_are_listed_without_being_imported():
    script = (
        "import sys\nfrom cxr_core.__main__ import main\nmain(['--help'])\n"
        "print(*sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    ours = {"cxr_core.command.table", "cxr_core.command.terminal"}
    assert {name for name in loaded if name.startswith("cxr_core.command.")} == ours
    assert "numpy" not in loaded


def test_one_film_in_error_never_stops_the_others(capsys):
    def do(name: str) -> bool:
        if name == "bad":
            raise UnreadableImageError("It is damaged", hint="Export it again.")
        return name == "good"

    assert for_each(["good", "bad", "other", "good"], do) == Tally(n_done=2, n_left=1, n_failed=1)
    said = capsys.readouterr().err
    assert said == "not written: bad\n  It is damaged\n  what to do: Export it again.\n"


def test_errors_in_what_was_typed():
    with (
        pytest.raises(WrongUsageError, match="no such") as caught,
        as_wrong_usage(ConfigError),
    ):
        raise ConfigError("no such thing", hint="Name another.")
    assert caught.value.hint == "Name another."


def test_the_pace_of_progress(monkeypatch):
    now_s = 100.0
    monkeypatch.setattr("cxr_core.command.terminal.time.monotonic", lambda: now_s)
    pace = Pace(5)
    assert not pace.is_due(1, 9)
    now_s = 105.0
    assert [pace.is_due(n, 9) for n in (2, 3, 9)] == [True, False, True]
    assert Pace(5, is_first_due=True).is_due(0, 9)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + "/r.json"])
def test_there_is_no_room_for_a_name_that_is_too_long(tmp_path, name):
    with pytest.raises(CommandError, match=r"could not be written: File name too long$"):
        make_room(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_there_is_no_room_where_nobody_may_look(tmp_path, monkeypatch):
    def refuse(_path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "is_dir", refuse)
    with pytest.raises(CommandError, match=r"r\.json could not be written: Permission denied"):
        make_room(tmp_path / "new" / "r.json")


@pytest.mark.parametrize(
    ("value", "is_given"), [(None, False), (False, False), (0, True), ("", True), (True, True)]
)
def test_nought_is_given(value, is_given):
    arguments = argparse.Namespace(ray_block=value)
    if not is_given:
        refuse_given(arguments, ["ray_block"], "with --ray")
        return
    with pytest.raises(WrongUsageError, match=r"^--ray-block must come with --ray$"):
        refuse_given(arguments, ["ray_block"], "with --ray")


def test_control_c_ends_any_command_with_one_line(monkeypatch, capsys):
    def stop(_folder, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cxr_core.dataset.scan", stop)
    assert main(["inspect", "films"]) == 130
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "stopped\n")


def test_control_c_while_a_command_is_being_imported(monkeypatch, capsys):
    def stop(_chosen):
        raise KeyboardInterrupt

    monkeypatch.setattr("cxr_core.__main__.make_parser", stop)
    assert main(["predict", "film.png"]) == 130
    assert capsys.readouterr().err == "stopped\n"
