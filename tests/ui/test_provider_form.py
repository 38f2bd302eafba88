"""What stands in the form of a provider: licences edited in place, and the map's marks."""

from core.providers import files
from core.providers.directory import Identities, Vocabulary
from core.ui.kit import state_tiles
from core.ui.providers.provider_form import LICENCE_FIELDS, edited

EMPTY = dict.fromkeys(LICENCE_FIELDS)
TX = EMPTY | {"state": "TX", "number": "A1", "status": "active", "expires_on": "2027-12-31"}
CA = EMPTY | {"state": "CA", "number": "A2", "status": "active"}


def test_untouched_licences_stay_unchanged():
    assert edited([TX, CA], {}) == [TX, CA]


def test_licences_are_changed_removed_and_added_as_typed():
    state = {
        "edited_rows": {0: {"expires_on": "2028-12-31T00:00:00.000", "number": " A9 "}},
        "deleted_rows": [1],
        "added_rows": [{"state": "NY", "status": "pending", "number": ""}, {}, {"status": "active"}],
    }
    assert edited([TX, CA], state) == [
        TX | {"expires_on": "2028-12-31", "number": "A9"},
        EMPTY | {"state": "NY", "status": "pending"},
    ]


def test_a_licence_without_its_state_is_kept_so_that_the_problem_is_shown():
    assert edited([], {"added_rows": [{"number": "A1"}]}) == [EMPTY | {"number": "A1", "status": "active"}]


def test_every_state_has_its_own_tile_and_looks_by_how_many_are_licensed():
    assert len(set(state_tiles.TILES.values())) == len(state_tiles.TILES) == 56
    texas = {"state": "TX", "name": "Texas", "free_slots": 0, "waiting": 0, "demand_30_days": 0}
    looks = [state_tiles.look(texas | {"providers": n}) for n in (0, 1, 2, 4, 5)]
    assert looks == ["none", "single", "few", "few", "many"]
    assert state_tiles.look(texas | {"providers": 0, "waiting": 1}) == "wanted"


def test_a_day_typed_in_the_form_is_the_day_that_is_kept_and_shown():
    typed = edited([], {"added_rows": [{"state": "TX", "number": "A1", "expires_on": "2026-11-20"}]})
    assert [each["expires_on"] for each in typed] == ["2026-11-20"]


def test_the_template_is_a_file_that_can_be_imported():
    known = Vocabulary({"TX": "Texas"}, {"dermatology": "Dermatology", "general_practice": "General practice"})
    read = files.read_file(files.template(), known, Identities(frozenset(), {}))
    assert read.problems == ()
    assert [(each["name"], each["licences"][0]["expires_on"]) for each in read.documents] == [
        ("Ada Example", "2027-12-31")
    ]
