"""A file of the NPI registry read for a clinic's providers, beside DuckDB over the same file and columns.

The file is made as the registry writes it: 330 quoted columns, most of them empty. payops has to need at most twice
DuckDB's time and less than 300 MB, or the run fails. `--rows 300000` is quicker than the usual million.
"""

import argparse
import csv
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from core.identifiers import luhn
from core.providers.licences import NPI_PREFIX
from core.providers.registries import nppes_file
from core.providers.registries.nppes_records import HEADINGS, TAXONOMY_HEADINGS

TAXONOMIES, OTHER_IDENTIFIERS, MOST_MB, TIMES = 15, 50, 300, 2
PROVIDERS = 1_000  # of the clinic, spread over the file
ADDRESS = (
    "First Line Business {} Address",
    "Second Line Business {} Address",
    "Business {} Address City Name",
    "Business {} Address State Name",
    "Business {} Address Postal Code",
    "Business {} Address Country Code (If outside U.S.)",
    "Business {} Address Telephone Number",
    "Business {} Address Fax Number",
)
PERSON = ("Last Name", "First Name", "Middle Name", "Name Prefix Text", "Name Suffix Text", "Credential Text")


def headings() -> list[str]:
    """The 330 headings of the registry's file, in its order."""
    person = ["Last Name (Legal Name)", *PERSON[1:]]
    return [
        *("NPI", "Entity Type Code", "Replacement NPI", "Employer Identification Number (EIN)"),
        "Provider Organization Name (Legal Business Name)",
        *(f"Provider {part}" for part in person),
        *("Provider Other Organization Name", "Provider Other Organization Name Type Code"),
        *(f"Provider Other {part}" for part in PERSON),
        "Provider Other Last Name Type Code",
        *(f"Provider {part.format(place)}" for place in ("Mailing", "Practice Location") for part in ADDRESS),
        *("Provider Enumeration Date", "Last Update Date", "NPI Deactivation Reason Code", "NPI Deactivation Date"),
        *("NPI Reactivation Date", "Provider Sex Code"),
        *(f"Authorized Official {part}" for part in ("Last Name", "First Name", "Middle Name", "Title or Position")),
        "Authorized Official Telephone Number",
        *(
            f"{title}_{number}"
            for number in range(1, TAXONOMIES + 1)
            for title in (
                "Healthcare Provider Taxonomy Code",
                "Provider License Number",
                "Provider License Number State Code",
                "Healthcare Provider Primary Taxonomy Switch",
            )
        ),
        *(
            f"Other Provider Identifier{part}_{number}"
            for number in range(1, OTHER_IDENTIFIERS + 1)
            for part in ("", " Type Code", " State", " Issuer")
        ),
        *("Is Sole Proprietor", "Is Organization Subpart", "Parent Organization LBN", "Parent Organization TIN"),
        *(f"Authorized Official {part} Text" for part in ("Name Prefix", "Name Suffix", "Credential")),
        *(f"Healthcare Provider Taxonomy Group_{number}" for number in range(1, TAXONOMIES + 1)),
        "Certification Date",
    ]


def npis(count: int) -> Iterator[str]:
    for number in range(count):
        first = f"1{number * 37 % 10**8:08}"
        yield next(first + digit for digit in "0123456789" if luhn(NPI_PREFIX + first + digit))


def write(path: Path, rows: int) -> list[str]:
    """Writes the file, and returns the NPIs of the clinic's providers."""
    titles, chance, ours = headings(), random.Random(1), []
    place = {title: number for number, title in enumerate(titles)}
    with path.open("w", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(titles)
        for number, npi in enumerate(npis(rows)):
            row = [""] * len(titles)
            given = {
                "NPI": npi,
                "Entity Type Code": "1",
                "Provider Last Name (Legal Name)": chance.choice(("SMITH", "LOPEZ", "O'NEIL")),
                "Provider First Name": chance.choice(("ANN", "JOHN")),
                "Provider First Line Business Mailing Address": f"{chance.randrange(9999)} MAIN STREET",
                "Provider Business Mailing Address City Name": "AUSTIN",
                "Provider Business Mailing Address Telephone Number": "5125550100",
                "Provider First Line Business Practice Location Address": f"{chance.randrange(9999)} MAIN STREET",
                "Last Update Date": "07/08/2020",
            }
            for taxonomy in range(1, chance.choice((2, 2, 2, 3, 4))):
                given |= {
                    f"Healthcare Provider Taxonomy Code_{taxonomy}": "207Q00000X",
                    f"Provider License Number_{taxonomy}": f"A{chance.randrange(99999)}",
                    f"Provider License Number State Code_{taxonomy}": "TX",
                    f"Healthcare Provider Primary Taxonomy Switch_{taxonomy}": "Y" if taxonomy == 1 else "N",
                }
            for title, value in given.items():
                row[place[title]] = value
            writer.writerow(row)
            if number % max(1, rows // PROVIDERS) == 0:
                ours.append(npi)
    return ours


def read_here(path: Path, ours: Path) -> None:
    """In a process of its own: how many entries were found, the seconds, and the most memory in MB."""
    wanted = set(ours.read_text().split())
    started = time.perf_counter()
    with path.open("rb") as stream:
        found = nppes_file.read(path.name, stream, wanted)
    assert not found.problems
    _say(len(found.records), started)


def read_by_duckdb(path: Path, ours: Path) -> None:
    import duckdb

    wanted = ours.read_text().split()
    quoted = ", ".join(f'"{title}"' for title in headings() if _is_read(title))
    started = time.perf_counter()
    rows = duckdb.connect().execute(
        f"select {quoted} from read_csv(?, all_varchar = true, header = true) where NPI in (select unnest(?))",
        [str(path), wanted],
    )
    _say(len(rows.fetchall()), started)


def _is_read(title: str) -> bool:
    """Whether payops reads the column with this heading."""
    plain = title.partition(" (")[0].lower()
    return plain in HEADINGS.values() or plain.rpartition("_")[0] in TAXONOMY_HEADINGS.values()


def _say(found: int, started: float) -> None:
    print(found, time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measured(who: str, path: Path, ours: Path) -> tuple[int, float, float]:
    """What the reader found, its seconds (the best of three) and its most memory in MB."""
    runs = []
    for _ in range(3):
        command = [sys.executable, "-m", "benchmarks.provider_files", "--only", who, str(path), str(ours)]
        found, seconds, memory = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        runs.append((float(seconds), int(found), float(memory)))
    seconds, found, _ = min(runs)
    return found, seconds, max(run[2] for run in runs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", nargs=3, metavar=("WHO", "FILE", "NPIS"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        who, path, ours = chosen.only
        (read_here if who == "payops" else read_by_duckdb)(Path(path), Path(ours))
        return 0
    with tempfile.TemporaryDirectory(prefix="payops-bench-") as folder:
        path, ours = Path(folder) / "npidata_pfile.csv", Path(folder) / "npis.txt"
        wanted = write(path, chosen.rows)
        ours.write_text("\n".join(wanted))
        results = {who: measured(who, path, ours) for who in ("payops", "duckdb")}
        size = path.stat().st_size / 1e6
    table = Table("reader", "entries found", "seconds", "MB a second", "most memory, MB", title=f"{chosen.rows:,} rows")
    for who, (found, seconds, memory) in results.items():
        table.add_row(who, f"{found:,}", f"{seconds:.2f}", f"{size / seconds:,.0f}", f"{memory:,.0f}")
    Console().print(table)
    (found, seconds, memory), (found_there, seconds_there, _) = results["payops"], results["duckdb"]
    holds = found == found_there == len(wanted) and seconds <= TIMES * seconds_there and memory < MOST_MB
    print(
        f"payops takes {seconds / seconds_there:.2f} × DuckDB's time: {'as promised' if holds else 'NOT as promised'}"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
