"""People's names as different files write them: how a name of the directory compares with a last and a first name."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import StrEnum

_TITLES = frozenset("dr doctor prof professor mr mrs ms miss".split())
# What follows a name: generations, degrees and licences.
_SUFFIXES = frozenset(
    """
    jr sr ii iii iv md do mbbs np fnp pmhnp dnp aprn arnp crnp cnp cnm cns rn msn bsn pa pac c bc phd psyd edd lcsw
    licsw lmsw lmft lpc lpcc lmhc lcpc ma ms mph mba dpm dds dmd od dc pharmd rph facp faap facog faafp esq
    """.split()
)


class Match(StrEnum):
    """How a name of the directory compares with that of a file."""

    SAME = "same"
    PARTLY = "partly"  # either the first or the last name
    DIFFERENT = "different"


def words(text: str) -> list[str]:
    """The words of a name, without case, accents, full stops and apostrophes."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one)).casefold()
    return re.findall(r"\w+", re.sub(r"['.`\u2018\u2019\u02bb\u02bc]", "", plain))


def in_order(name: str) -> list[str]:
    """The words of a full name, the first name first, without titles, degrees and generations.

    Both `Maria Lopez, MD` and `LOPEZ, MARIA` are understood.
    """
    before, *after = (words(part) for part in name.split(","))
    rest = [part for part in after if not set(part) <= _SUFFIXES]
    given = [*(rest[0] if rest else []), *before]
    while len(given) > 2 and given[0] in _TITLES:
        given = given[1:]
    while len(given) > 2 and given[-1] in _SUFFIXES:
        given = given[:-1]
    return given


def compare(name: str, last_names: Iterable[str], first_names: Iterable[str]) -> Match:
    """Compares a full name with a file's last and first names; where a file has former ones, any of them may fit."""
    ours = in_order(name)
    last = any(_has_last(ours, words(one)) for one in last_names if one)
    first = any(_has_first(ours, words(one)) for one in first_names if one)
    return Match.SAME if last and first else Match.PARTLY if last or first else Match.DIFFERENT


def share_a_word(name: str, other: str) -> bool:
    """Whether two full names have a word in common, as those of one person do who has married."""
    return bool({*in_order(name)} & {*in_order(other)})


def _has_last(ours: list[str], theirs: list[str]) -> bool:
    """Whether our name has this last name after its first name, also as part of a double name."""
    while len(theirs) > 1 and theirs[-1] in _SUFFIXES:
        theirs = theirs[:-1]
    joined = "".join(theirs)
    slices = {"".join(ours[a:b]) for a in range(1, len(ours)) for b in range(a + 1, len(ours) + 1)}
    return joined in slices or bool({one for one in theirs if len(one) > 3} & set(ours[1:]))


def _has_first(ours: list[str], theirs: list[str]) -> bool:
    if not ours or not theirs:
        return False
    mine, other = ours[0], theirs[0]
    return mine == other or (1 in (len(mine), len(other)) and mine[0] == other[0])


class NameIndex:
    """Finds the ids of those whose name fits a last and a first name."""

    def __init__(self, names: Iterable[tuple[str, str]]):
        """`names` are ids and full names."""
        self._names = dict(names)
        self._by_words: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for one, name in self._names.items():
            for key in self._keys(in_order(name)):
                self._by_words[key].add(one)

    @staticmethod
    def _keys(ours: list[str]) -> Iterator[tuple[str, str]]:
        for at in range(1, len(ours)):
            for until in range(at + 1, len(ours) + 1):
                yield "".join(ours[at:until]), ours[0]
                yield "".join(ours[at:until]), ours[0][0]

    def matching(self, last: str, first: str) -> list[str]:
        """The ids of those whose name is the same, in order."""
        given, family = words(first), words(last)
        if not given or not family:
            return []
        firsts = (given[0], given[0][0])
        lasts = {"".join(family), *(one for one in family if len(one) > 3)}
        found = {one for part in lasts for name in firsts for one in self._by_words.get((part, name), ())}
        return sorted(one for one in found if compare(self._names[one], [last], [first]) is Match.SAME)
