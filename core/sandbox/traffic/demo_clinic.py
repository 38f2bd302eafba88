"""The demo clinic: its providers as an import file, and the states its patients live in."""

import csv
import io
from datetime import date, timedelta
from itertools import accumulate
from zlib import crc32

GP, SKIN, MIND, WOMEN, MEN, WEIGHT, URGENT = (
    "general_practice",
    "dermatology",
    "mental_health",
    "womens_health",
    "mens_health",
    "weight_management",
    "urgent_care",
)
COLUMNS = ("name", "email", "npi", "active", "capacity", "specialties", "licences")
# Name, specialties, states, how many patients at once. Nobody is licensed in Wyoming and most territories.
DOCTORS = (
    ("Amara Okafor", (GP, URGENT), "NY NJ CT PA MA", 16),
    ("Daniel Reyes", (GP, URGENT), "CA NV AZ OR", 18),
    ("Priya Raman", (GP,), "TX OK LA NM", 16),
    ("Thomas Lindqvist", (GP, URGENT), "MN WI IA ND SD", 12),
    ("Grace Whitfield", (GP, URGENT), "GA FL AL SC", 18),
    ("Omar Haddad", (GP,), "MI OH IN IL", 16),
    ("Helen Novak", (GP, URGENT), "IL WI MO KS", 14),
    ("Samuel Osei", (GP,), "FL GA", 14),
    ("Leila Farahani", (GP, URGENT), "CA WA HI", 14),
    ("Marcus Bell", (GP,), "NC SC VA TN KY", 14),
    ("Ingrid Solberg", (URGENT, GP), "WA OR ID MT", 12),
    ("Rafael Duarte", (URGENT,), "TX FL PR", 12),
    ("Naomi Feldman", (URGENT,), "NY NJ PA DE", 14),
    ("Victor Chen", (URGENT,), "CA NV UT CO", 14),
    ("Tara McAllister", (URGENT, GP), "CO NM UT KS NE", 10),
    ("Jonah Weiss", (GP,), "MA NH VT ME RI", 10),
    ("Elena Petrova", (SKIN,), "NY NJ CT", 10),
    ("Andre Baptiste", (SKIN,), "FL GA AL MS LA", 10),
    ("Yuki Tanaka", (SKIN,), "CA WA OR NV", 12),
    ("Ruth Abernathy", (SKIN,), "TX OK AR", 10),
    ("Stephen Kowalski", (SKIN,), "IL IN OH MI PA", 12),
    ("Chidi Nwosu", (SKIN, GP), "VA MD DC NC", 8),
    ("Hannah Brandt", (MIND,), "NY MA CT RI NJ", 16),
    ("Isaac Moreno", (MIND,), "CA AZ NM", 16),
    ("Fatima Siddiqui", (MIND,), "TX LA AR", 12),
    ("Owen Gallagher", (MIND,), "PA OH WV MD", 12),
    ("Beatriz Carvalho", (MIND,), "FL GA SC NC", 14),
    ("Nathan Sorensen", (MIND,), "WA OR UT ID CO", 12),
    ("Claire Dubois", (MIND,), "IL MI WI MN IN", 14),
    ("Abigail Thornton", (WOMEN,), "NY NJ PA CT MA", 12),
    ("Mei-Ling Zhao", (WOMEN,), "CA WA NV", 12),
    ("Sofia Marchetti", (WOMEN, GP), "TX FL", 12),
    ("Joy Adeyemi", (WOMEN,), "GA NC VA MD DC TN", 12),
    ("Karen Holloway", (WOMEN,), "OH MI IL IN KY", 14),
    ("Gregory Stanton", (MEN, GP), "NY FL PA OH", 12),
    ("Luis Alvarado", (MEN,), "CA TX AZ CO", 12),
    ("Dwayne Pritchard", (MEN,), "GA NC IL MI VA", 10),
    ("Monica Delgado", (WEIGHT,), "TX CA AZ NV", 12),
    ("Patrick O'Rourke", (WEIGHT, GP), "NY MA NJ PA FL", 12),
    ("Simone Laurent", (WEIGHT,), "IL OH GA TN MO", 10),
    ("William Akana", (GP, URGENT), "HI AK", 4),
    ("Dorothy Hensley", (GP,), "KY WV TN AR MS", 8),
    ("Peter Vandermeer", (GP, MIND), "IA NE SD", 6),
    ("Alice Fontaine", (GP, WOMEN), "LA MS AL", 8),
    ("Benjamin Crowe", (GP,), "VA DC MD", 8),
)
ON_LEAVE = "Benjamin Crowe"
# How many days the licences that end soon have left, one each for doctors spread over the list.
ENDING_DAYS = (12, 25, 41, 58, 73, 88, -4)
# Residents of each state in hundred thousands.
RESIDENTS = {
    "CA": 389,
    "TX": 305,
    "FL": 226,
    "NY": 196,
    "PA": 130,
    "IL": 125,
    "OH": 118,
    "GA": 110,
    "NC": 108,
    "MI": 100,
    "NJ": 93,
    "VA": 87,
    "WA": 78,
    "AZ": 74,
    "TN": 71,
    "MA": 70,
    "IN": 69,
    "MO": 62,
    "MD": 62,
    "WI": 59,
    "CO": 59,
    "MN": 57,
    "SC": 54,
    "AL": 51,
    "LA": 46,
    "KY": 45,
    "OR": 42,
    "OK": 41,
    "CT": 36,
    "UT": 34,
    "PR": 32,
    "IA": 32,
    "NV": 32,
    "AR": 31,
    "KS": 29,
    "MS": 29,
    "NM": 21,
    "NE": 20,
    "ID": 20,
    "WV": 18,
    "HI": 14,
    "NH": 14,
    "ME": 14,
    "MT": 11,
    "RI": 11,
    "DE": 10,
    "SD": 9,
    "ND": 8,
    "AK": 7,
    "DC": 7,
    "VT": 6,
    "WY": 6,
    "GU": 2,
    "VI": 1,
}
_SUMS = list(accumulate(RESIDENTS.values()))


def directory_file(today: date) -> str:
    """The providers as the CSV that the directory imports, with licences that end before and after `today`."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(COLUMNS)
    every = len(DOCTORS) // len(ENDING_DAYS)
    for place, (name, specialties, states, capacity) in enumerate(DOCTORS):
        days = [100 + _stable_number(f"{name} {state}") % 800 for state in states.split()]
        turn, rest = divmod(place, every)
        if rest == every - 1 and turn < len(ENDING_DAYS):
            days[0] = ENDING_DAYS[turn]
        held = [
            f"{state}:{state}-{10_000 + _stable_number(f'{state} {name}') % 90_000}:{today + timedelta(days=left)}"
            for state, left in zip(states.split(), days, strict=True)
        ]
        email = f"{name.lower().replace(' ', '.').replace(chr(39), '')}@practice.example"
        active = "false" if name == ON_LEAVE else "true"
        rows.writerow((f"Dr. {name}", email, _npi(place), active, capacity, ";".join(specialties), ";".join(held)))
    return written.getvalue()


def home_of(patient_id: str) -> str:
    """The state a patient lives in: always the same, and distributed like the population."""
    drawn = _stable_number(patient_id) % _SUMS[-1]
    return next(state for state, up_to in zip(RESIDENTS, _SUMS, strict=True) if drawn < up_to)


def _npi(place: int) -> str:
    """An NPI with a valid check digit, from a range that is not in use."""
    nine = f"{100_000_000 + place}"
    doubled = [int(digit) * (2 if at % 2 == 0 else 1) for at, digit in enumerate(reversed("80840" + nine))]
    return nine + str(-sum(n - 9 if n > 9 else n for n in doubled) % 10)


def _stable_number(text: str) -> int:
    return crc32(text.encode())
