"""`payops sandbox`: serve, seed, traffic, advance."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The simulated Stripe: play money, the real API.", no_args_is_help=True)
