"""States by name, exactly or not at all, and the instant at which a licence ends in each of them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.providers import licences, states

# Zones by which a state's people live; where there are two, the earlier midnight ends a licence.
EASTERN = "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC TN VA VT WV".split()
CENTRAL = "AL AR IA IL KS LA MN MO MS ND NE OK SD TX WI".split()
MOUNTAIN = "AZ CO ID MT NM NV OR UT WY".split()
OTHERS = {"AK": 9, "HI": 10, "AS": 11, "CA": 8, "WA": 8, "PR": 4, "VI": 4, "GU": -10, "MP": -10}
WINTER = dict.fromkeys(EASTERN, 5) | dict.fromkeys(CENTRAL, 6) | dict.fromkeys(MOUNTAIN, 7) | OTHERS


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Minn.", "MN"),
        ("W. Virginia", "WV"),
        ("W.Va.", "WV"),
        ("N. Carolina", "NC"),
        ("D.C.", "DC"),
        (" new  york ", "NY"),
        ("Puerto Rico", "PR"),
        ("tx", "TX"),
        ("Wash. D.C.", "DC"),
        ("Penna.", "PA"),
        ("Hawai\u02bbi", "HI"),
        ("U.S.V.I.", "VI"),
        ("N.\u00a0Dak.", "ND"),
        ("N.M.I.", "MP"),
        ("N. Mariana Is.", "MP"),
        ("Am. Samoa", "AS"),
        ("U.S. Virgin Isl.", "VI"),
        ("Commonwealth of Massachusetts", "MA"),
        ("State of Washington", "WA"),
        ("New York State", "NY"),
        ("So. Dak.", "SD"),
        ("Rhode Is.", "RI"),
        ("Dist. of Col.", "DC"),
        ("\uff34\uff38", "TX"),
        ("Commonwealth of Texas", None),
        ("State of Guam", None),
        ("Northern Carolina", None),
        ("Is.", None),
        ("N", None),
        ("Virgina", None),
        ("Washingto", None),
        ("New", None),
        ("Carolina", None),
        ("", None),
    ],
)
def test_a_state_is_recognised_by_exactly_its_names(text, code):
    assert states.code_of(text) == code
    assert (states.problem(text) is None) is (code is not None)


def test_each_of_the_56_is_known_by_its_code_and_full_name_and_by_the_associated_press():
    """The names of the states, DC and the territories, and the abbreviations of the AP Stylebook, written out."""
    assert {states.code_of(name) for name in states.NAMES.values()} == set(states.NAMES) == set(WINTER)
    assert all(states.code_of(code.lower()) == code for code in WINTER)
    abbreviations = (
        "AL:Ala. AZ:Ariz. AR:Ark. CA:Calif. CO:Colo. CT:Conn. DE:Del. FL:Fla. GA:Ga. IL:Ill. IN:Ind. KS:Kan. KY:Ky. "
        "LA:La. MD:Md. MA:Mass. MI:Mich. MN:Minn. MS:Miss. MO:Mo. MT:Mont. NE:Neb. NV:Nev. NH:N.H. NJ:N.J. NM:N.M. "
        "NY:N.Y. NC:N.C. ND:N.D. OK:Okla. OR:Ore. PA:Pa. RI:R.I. SC:S.C. SD:S.D. TN:Tenn. VT:Vt. VA:Va. WA:Wash. "
        "WV:W.Va. WI:Wis. WY:Wyo."
    )
    for code, _, abbreviation in (one.partition(":") for one in abbreviations.split()):
        assert states.code_of(abbreviation) == code


@pytest.mark.parametrize(
    "text",
    ["AA", "AE", "AP", "FM", "MH", "PW", "Palau", "Marshall Is.", "Fed. States of Micronesia", "F.S.M.", "APO AE"]
    + ["Armed Forces (Europe)", "U.S. Minor Outlying Islands"],
)
def test_places_that_no_licence_covers_are_named_as_not_served(text):
    assert "is not served" in (states.problem(text) or "")


def test_a_licence_ends_with_its_last_day_in_each_state_to_the_second(clinic):
    assert len(WINTER) == 56
    clinic.provider("ann", states=" ".join(f"{state}:2026-12-31" for state in WINTER))
    valid = "select l.state from payops.licences as l where payops.licence_valid(l, %s)"
    for state, hours in WINTER.items():
        ends = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
        before, after = (
            {row[0] for row in clinic.owner.execute(valid, (ends + timedelta(seconds=s),)).fetchall()} for s in (-1, 1)
        )
        assert state in before and state not in after


def test_in_summer_too_the_earlier_midnight_of_two_zones_ends_a_licence(clinic):
    clinic.provider("ann", states="AZ:2026-07-01 OR:2026-07-01 TN:2026-07-01")
    found = dict(clinic.rows("select state, valid_until from payops.licences"))
    zones = {"AZ": "America/Denver", "OR": "America/Boise", "TN": "America/New_York"}
    assert found == {state: datetime(2026, 7, 2, tzinfo=ZoneInfo(zone)) for state, zone in zones.items()}


@pytest.mark.parametrize(
    ("npi", "said"),
    [("3234567893", "begins with 1 or 2"), ("1.23457E+09", "shortened"), ("12345678931", "ten digits")],
)
def test_an_invalid_npi_is_explained(npi, said):
    assert said in (licences.npi_problem(npi) or "")


@pytest.mark.parametrize(
    "text",
    [
        *("2026-11-20", "11/20/2026", "20 Nov 2026", "Nov 20, 2026", "2026/11/20", "Friday, November 20, 2026"),
        *(
            "11/20/2026 0:00",
            "11/20/2026 12:00:00 AM",
            "2026-11-20T00:00:00",
            "2026-11-20 00:00:00",
            "20-Nov-2026 00:00",
        ),
        *("2026-11-20T00:00:00.000Z", "2026-11-20 00:00:00-05", "11/20/2026 12:00 am"),
    ],
)
def test_a_date_is_read_as_people_write_it(text):
    assert str(licences.typed_day(text)) == "2026-11-20"


@pytest.mark.parametrize(
    "text",
    [
        *("61120-11-20", "13/13/2026", "11/20/26", "20-Nov-26", "46386", "2026-02-30", "0202-01-01", "soon"),
        *("11/20/2026 12:00", "11/20/2026 12:00 PM", "11/20/2026 5:00", "2026-11-20T05:00:00Z", "11/20/2026 24:00"),
    ],
)
def test_an_invalid_date_is_refused_and_not_guessed(text):
    with pytest.raises(ValueError, match=r"\."):
        licences.typed_day(text)


def test_licences_of_a_file_are_read_by_state_names():
    licence = {"state": "MN", "number": "A1", "expires_on": "2027-12-31"}
    assert licences.from_text("Minn.:A1:12/31/2027") == licences.from_text("MN:A1:12/31/2027 0:00") == licence
