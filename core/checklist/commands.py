"""`payops check`: the deployment checklist on the command line."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Annotated

import typer

from core.checklist import lines
from core.checklist.finding import Finding, State
from core.db import json_text
from core.services import Services

OpenServices = Callable[[], AbstractContextManager[Services]]
COLORS = {State.PASSED: typer.colors.GREEN, State.FAILED: typer.colors.RED, State.NOT_CHECKED: typer.colors.YELLOW}


def mount(payops: typer.Typer, open_services: OpenServices) -> None:
    """Add the command `check` to `payops`."""

    @payops.command()
    def check(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
        """Check whether this installation is ready for real patients and real money."""
        findings = []
        with open_services() as running:
            for finding in lines.check(running):
                findings.append(finding)
                if not as_json:
                    _print(finding)
        if as_json:
            typer.echo(json_text({"items": [asdict(finding) for finding in findings]}))
        else:
            typer.echo(_summary(findings))
        if not lines.ready(findings):
            raise typer.Exit(1)


def _print(finding: Finding) -> None:
    typer.echo(f"{typer.style(f'{finding.state:<20}', fg=COLORS[finding.state])} {finding.name}: {finding.detail}")
    if finding.mend:
        typer.echo(f"{'':<20} Fix: {finding.mend}")


def _summary(findings: list[Finding]) -> str:
    count = {state: sum(finding.state is state for finding in findings) for state in State}
    return ", ".join(f"{number} {state}" for state, number in count.items() if number) + "."
