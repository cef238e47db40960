"""The commands of training: their two functions, and what is recorded of what was typed."""

from __future__ import annotations

import pytest

from train.__main__ import COMMANDS, HEADS, main
from train.command.option import without_folders

pytest.importorskip("keras")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_the_same_two_functions(name, capsys):
    module = COMMANDS[name][1]()
    assert module.__name__ == f"train.command.{name or 'heads'}"
    assert callable(module.add)
    assert callable(module.run)
    assert main([name, "--help"] if name else ["--help"]) == 0
    said = capsys.readouterr().out
    assert f"usage: {f'python -m train {name}'.strip()} [-h]" in said
    assert all((other in said) for other in COMMANDS if name == HEADS)


def test_no_folder_is_recorded():
    typed = ["publish", "/home/ann/run", "--out=/home/ann/b", "--set", "a.b=[1,2]", "96:7,160:2"]
    typed += ["vgg16=bundle:/home/ann/b", "/home/ann/x=1", "/home/ann/a:b", "0.1,0.1"]
    assert without_folders(typed) == [
        *("publish", "run", "--out=b", "--set", "a.b=[1,2]", "96:7,160:2"),
        *("vgg16=bundle:b", "x=1", "a:b", "0.1,0.1"),
    ]
