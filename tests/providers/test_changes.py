"""What a change of the directory changed, in words."""

from core.providers.changes import differences, in_words

TX = {"state": "TX", "number": "A1", "status": "active", "expires_on": "2027-12-31", "type": None}
ANN = {
    "name": "Ann",
    "email": None,
    "npi": None,
    "active": True,
    "capacity": 10,
    "specialties": ["dermatology"],
    "notes": None,
    "licences": [TX],
}


def test_each_changed_field_is_a_line_and_an_omitted_field_is_none():
    after = {"capacity": 4, "active": False, "specialties": ["urgent_care", "dermatology"], "notes": ""}
    assert differences(ANN, after) == [
        "Active: yes → no",
        "Capacity: 10 → 4",
        "Specialties: dermatology → dermatology, urgent_care",
    ]
    assert differences(ANN, ANN) == []


def test_licences_are_added_removed_and_changed_by_state_and_number():
    later = TX | {"expires_on": "2028-12-31", "verified_by": "staff:ada"}
    assert differences(ANN, {"licences": [later, {"state": "CA"}]}) == [
        "Licence in California added, no end date",
        "Licence in Texas A1 · last day: 31 Dec 2027 → 31 Dec 2028",
        "Licence in Texas A1 · verified by: none → ada",
    ]
    assert differences(ANN, {"licences": []}) == ["Licence in Texas A1 removed"]


def test_a_licence_that_is_no_full_one_is_named_by_its_kind():
    temporary = {"state": "NV", "number": "T7", "kind": "temporary", "expires_on": "2026-12-20"}
    privilege = TX | {"kind": "compact_privilege"}
    assert differences(ANN, {"licences": [temporary, privilege]}) == [
        "Temporary licence in Nevada T7 added, valid to 20 Dec 2026",
        "Licence in Texas A1 · kind: none → Compact privilege",
    ]


def test_a_new_provider_is_added_with_their_licences():
    assert differences(None, ANN) == ["Added to the directory", "Licence in Texas A1 added, valid to 31 Dec 2027"]


def test_removed_hours_and_a_licences_state_are_described():
    assert in_words("providers:schedule:set", {"schedule": None}, {"schedule": None}) == ["Hours and time off changed"]
    verified = {"licence": {"state": "TX", "number": "A1"}}
    assert in_words("providers:licence:verified", None, verified) == ["Licence in Texas verified"]
