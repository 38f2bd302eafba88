"""The runbook names commands, settings, lines of the checklist, buttons and files that exist."""

import re
from pathlib import Path

import pytest
import typer.main

from core.checklist.lines import LINES
from core.cli import app
from core.settings import model

ROOT = Path(__file__).parents[1]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
OF_THE_REPLACED_SYSTEM = {"REACT_APP_PAYMENT_MODE"}
MADE_OF = "\n".join(path.read_text() for folder in ("core", "pages") for path in (ROOT / folder).rglob("*.py"))


def named(pattern: str) -> list[str]:
    found = sorted(set(re.findall(pattern, RUNBOOK, re.MULTILINE)))
    assert found, f"nothing in the runbook looks like {pattern}"
    return found


@pytest.mark.parametrize("command", named(r"(?:`|\$ (?:[A-Z_]+=\S+ )*)payops ([a-z]+)"))
def test_each_command_exists(command):
    assert command in typer.main.get_command(app).commands


def test_each_option_of_a_command_exists():
    commands = typer.main.get_command(app).commands
    for command, options in re.findall(r"^\$ (?:[A-Z_]+=\S+ )*payops ([a-z]+)(.*)$", RUNBOOK, re.MULTILINE):
        known = {name for each in commands[command].params for name in each.opts}
        assert set(re.findall(r"--[a-z-]+", options)) <= known, command


@pytest.mark.parametrize("setting", named(r"\b([A-Z]{3,}(?:_[A-Z]{2,})+)\b"))
def test_each_setting_exists(setting):
    assert setting.lower() in model.Settings.model_fields or setting in OF_THE_REPLACED_SYSTEM


@pytest.mark.parametrize("label", named(r"(?<![*`\w])\*([A-Z][a-z' ]+[a-z])\*(?![*\w])"))
def test_each_line_of_the_checklist_and_each_label_of_the_console_exists(label):
    assert label in LINES or f'"{label}' in MADE_OF or f"'{label} " in MADE_OF or f"{{'{label}'" in MADE_OF


@pytest.mark.parametrize("path", named(r"`((?:core|docs)/[a-z_/.]+)`"))
def test_each_file_exists(path):
    assert (ROOT / path).exists()


def test_the_drill_can_be_run_as_it_says():
    assert "`make drill`" in RUNBOOK and "\ndrill:" in (ROOT / "Makefile").read_text()
