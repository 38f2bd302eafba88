"""Files of the NPI registry and of the OIG, written as these are, with a few rows."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from core.providers.registries.file_values import RowProblem

# Valid NPIs; the first is the example of the NPI standard.
ANN, BEA, CAM, STRANGER = "1234567893", "1245319599", "1003000126", "1992799993"
NPPES_HEADINGS = [
    "NPI",
    "Entity Type Code",
    "Replacement NPI",
    "Provider Organization Name (Legal Business Name)",
    "Provider Last Name (Legal Name)",
    "Provider First Name",
    "Provider Other Last Name",
    "Provider First Line Business Mailing Address",
    "Provider Business Mailing Address Telephone Number",
    "Last Update Date",
    "NPI Deactivation Reason Code",
    "NPI Deactivation Date",
    "NPI Reactivation Date",
    *(
        f"{heading}_{number}"
        for number in range(1, 16)
        for heading in (
            "Healthcare Provider Taxonomy Code",
            "Provider License Number",
            "Provider License Number State Code",
            "Healthcare Provider Primary Taxonomy Switch",
        )
    ),
    *(f"Other Provider Identifier_{number}" for number in range(1, 51)),
]
LEIE_HEADINGS = (
    "LASTNAME,FIRSTNAME,MIDNAME,BUSNAME,GENERAL,SPECIALTY,UPIN,NPI,DOB,ADDRESS,CITY,STATE,ZIP,EXCLTYPE,EXCLDATE,"
    "REINDATE,WAIVERDATE,WVRSTATE"
).split(",")


def nppes_row(npi: str, last: str = "LOPEZ", first: str = "ANN", **cells: str) -> dict[str, str]:
    """A row by heading; in keyword arguments a heading is written in lower case with `_` for each space."""
    row = {
        "NPI": npi,
        "Entity Type Code": "1",
        "Provider Last Name (Legal Name)": last,
        "Provider First Name": first,
        "Provider First Line Business Mailing Address": "12 HOME STREET",
        "Provider Business Mailing Address Telephone Number": "5125550100",
        "Last Update Date": "07/08/2026",
    }
    by_key = {heading.split(" (")[0].lower().replace(" ", "_"): heading for heading in NPPES_HEADINGS}
    return row | {by_key[key]: value for key, value in cells.items()}


def taxonomy(number: int, code: str, licence: str = "", state: str = "", primary: str = "N") -> dict[str, str]:
    """The cells of one of the 15 taxonomies, as keyword arguments of `nppes_row`."""
    return {
        f"healthcare_provider_taxonomy_code_{number}": code,
        f"provider_license_number_{number}": licence,
        f"provider_license_number_state_code_{number}": state,
        f"healthcare_provider_primary_taxonomy_switch_{number}": primary,
    }


def nppes_csv(
    *rows: Mapping[str, str], headings: Sequence[str] = NPPES_HEADINGS, quoting: int = csv.QUOTE_ALL
) -> bytes:
    return _csv(headings, rows, quoting)


def says_a_cell(problems: Iterable[RowProblem], cells: Iterable[str]) -> bool:
    """Whether a problem repeats a cell: where columns are shifted, any cell may be a birth date or an address."""
    return any(len(cell) > 1 and cell in one.message for cell in cells for one in problems)


def leie_row(
    last: str, first: str, npi: str = "0000000000", excluded: str = "20261020", **cells: str
) -> dict[str, str]:
    row = {
        "LASTNAME": last,
        "FIRSTNAME": first,
        "NPI": npi,
        "DOB": "19610203",
        "ADDRESS": "12 HOME STREET",
        "EXCLTYPE": "1128a1",
        "EXCLDATE": excluded,
        "REINDATE": "00000000",
        "WAIVERDATE": "00000000",
    }
    return row | cells


def leie_csv(*rows: Mapping[str, str], headings: Sequence[str] = LEIE_HEADINGS) -> bytes:
    return _csv(headings, rows, csv.QUOTE_MINIMAL)


def _csv(headings: Sequence[str], rows: Sequence[Mapping[str, str]], quoting: int) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, headings, restval="", quoting=quoting, lineterminator="\n")  # type: ignore[call-overload]
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
