"""What a Dockerfile says, as data: stages of instructions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Stage:
    image: str
    name: str | None
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction):
        return [value for name, value in self.steps if name == instruction]

    @property
    def environment(self):
        pairs = (pair for value in self.all("ENV") for pair in value.split())
        return dict(pair.split("=", 1) for pair in pairs)


def stages(text):
    """Take a Dockerfile apart; continuation lines are joined."""
    found = []
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, value = line.strip().partition(" ")
        if name == "FROM":
            image, _, stage_name = value.partition(" AS ")
            found.append(Stage(image, stage_name or None))
        else:
            found[-1].steps.append((name, value.strip()))
    return found


def image():
    """The stages of our own Dockerfile."""
    return stages((ROOT / "Dockerfile").read_text("utf-8"))


def command(value):
    """The words of a command in JSON form."""
    return json.loads(value[value.index("[") :])


def left_out():
    """The packages of requirements.txt that the image does without."""
    (step,) = (run for run in image()[0].all("RUN") if "grep" in run)
    return step.partition("'^(")[2].partition(")")[0].split("|")
