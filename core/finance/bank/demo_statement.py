"""Imports the sandbox's bank statement each day, so that the demo has new deposits as it has new payments."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from core.db import Database
from core.finance.bank import deposits, imports
from core.staff.roles import SYSTEM

NAME = "sandbox-bank-{day}.xml"
OVERLAP = timedelta(days=10)
Write = Callable[[date, date], bytes | None]


def import_days_until(db: Database, write: Write, today: date, now: datetime) -> int:
    """Import the statement that `write` returns for the days since the last import; returns how many are new."""
    start, end = NAME.split("{day}")
    known = [each for each in deposits.statements(db, most=1_000) if each["file_name"].startswith(start)]
    last = max((date.fromisoformat(each["to_date"]) for each in known if each["to_date"]), default=None)
    data = write(last - OVERLAP if last else date(2000, 1, 1), today)
    if data is None:
        return 0
    return imports.import_file(db, SYSTEM, f"{start}{today}{end}", data, now).count(imports.NEW, imports.BOOKED_NOW)
