"""The command line as a whole: its help, examples, JSON, colours and shell completion."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from pipelines.cli import app, main

AWARE = str(Path(sys.executable).with_name("aware"))
COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-7]m")
ORDER = ("doctor", "preflight", "run", "retrain", "explain", "rollback", "upload", "bench")


def commands() -> dict[str, TyperCommand]:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    found: dict[str, TyperCommand] = {}
    for name, command in group.commands.items():
        children = command.commands if isinstance(command, TyperGroup) else {"": command}
        for child, one in children.items():
            assert isinstance(one, TyperCommand)
            found[f"{name} {child}".strip()] = one
    return found


COMMANDS = commands()


def colours_on_a_terminal(environment: dict[str, str], *arguments: str) -> int:
    """Return how many colour sequences the command writes when its output is a terminal."""
    read, write = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [AWARE, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=write,
        stderr=write,
        env={**kept, "TERM": "xterm-256color", **environment},
    )
    os.close(write)
    output = b""
    while True:
        try:
            part = os.read(read, 65536)
        except OSError:
            break
        if not part:
            break
        output += part
    os.close(read)
    process.wait(timeout=60)
    assert output
    return len(COLOUR.findall(output))


def test_help_lists_every_command_in_the_order_of_the_days_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    shown = re.findall(r"^│ ([a-z]+) ", told, flags=re.MULTILINE)
    assert {name.split()[0] for name in COMMANDS} <= set(shown)
    places = [shown.index(name) for name in ORDER]
    assert places == sorted(places)
    assert "─ Commands ─" not in told, "a command belongs to no part of the day"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_parses(name: str) -> None:
    command = COMMANDS[name]
    (example,) = re.findall(r"Example: (aware .+)", command.help or "")
    words = shlex.split(example)[1:]
    called = name.split()
    assert words[: len(called)] == called
    command.make_context(name, words[len(called) :])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is_for(name: str) -> None:
    silent = [one.name for one in COMMANDS[name].params if not getattr(one, "help", None)]
    assert silent == []


def test_colours_on_a_terminal_unless_no_color_is_set(tmp_path: Path) -> None:
    arguments = ("doctor", "--output", str(tmp_path / "runs"))
    assert colours_on_a_terminal({}, *arguments) > 0
    assert colours_on_a_terminal({"NO_COLOR": "1"}, *arguments) == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands(shell: str) -> None:
    words = {"COMP_WORDS": "aware ex", "COMP_CWORD": "1", "_TYPER_COMPLETE_ARGS": "aware ex"}
    done = subprocess.run(
        [AWARE],
        env={
            **os.environ,
            **words,
            "_AWARE_COMPLETE": f"complete_{shell}",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "explain" in done.stdout, done.stderr


def test_doctor_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--output", str(tmp_path / "runs"), "--workloads", "absent.yaml", "--json"])
    assert ended.value.code == 2
    findings = json.loads(capsys.readouterr().out)
    (wrong,) = [one for one in findings if not one["right"]]
    assert "absent.yaml" in wrong["name"] + wrong["found"] + wrong["mend"]
    assert wrong["mend"]
    assert all(one["mend"] == "" for one in findings if one["right"])
