"""States by the names that people write: exactly one, or none; and places that no licence here covers."""

import re
import unicodedata

# USPS code: the name, then its usual abbreviations (AP style, the Postal Service's and older ones).
_NAMES = """
AK: Alaska, Alas
AL: Alabama, Ala
AR: Arkansas, Ark
AS: American Samoa
AZ: Arizona, Ariz
CA: California, Calif, Cal
CO: Colorado, Colo
CT: Connecticut, Conn
DC: District of Columbia, Washington DC, Wash DC, District of Col, Washington District of Columbia
DE: Delaware, Del, Dela
FL: Florida, Fla
GA: Georgia
GU: Guam
HI: Hawaii, Hawai'i, Haw
IA: Iowa
ID: Idaho, Ida
IL: Illinois, Ill
IN: Indiana, Ind
KS: Kansas, Kan, Kans
KY: Kentucky
LA: Louisiana
MA: Massachusetts, Mass
MD: Maryland
ME: Maine
MI: Michigan, Mich
MN: Minnesota, Minn
MO: Missouri
MP: Northern Mariana Islands, Northern Marianas, N Mariana Islands, N Marianas, CNMI, NMI
MS: Mississippi, Miss
MT: Montana, Mont
NC: North Carolina, N Car
ND: North Dakota, N Dak
NE: Nebraska, Neb, Nebr
NH: New Hampshire, N Hampshire
NJ: New Jersey, N Jersey
NM: New Mexico, N Mexico, N Mex, New Mex
NV: Nevada, Nev
NY: New York, N York
OH: Ohio
OK: Oklahoma, Okla
OR: Oregon, Ore, Oreg
PA: Pennsylvania, Penn, Penna
PR: Puerto Rico
RI: Rhode Island
SC: South Carolina, S Car
SD: South Dakota, S Dak
TN: Tennessee, Tenn
TX: Texas, Tex
UT: Utah
VA: Virginia
VI: US Virgin Islands, United States Virgin Islands, Virgin Islands, Virgin Islands of the United States, USVI, US VI
VT: Vermont
WA: Washington, Wash
WI: Wisconsin, Wis, Wisc
WV: West Virginia, W Va, WVa
WY: Wyoming, Wyo
"""
_NOT_SERVED = """
AA: Armed Forces Americas, Armed Forces the Americas, Armed Forces of the Americas, APO AA, FPO AA, DPO AA
AE: Armed Forces Europe, Armed Forces Africa, Armed Forces Canada, Armed Forces Middle East, APO AE, FPO AE, DPO AE
AP: Armed Forces Pacific, Armed Forces the Pacific, APO AP, FPO AP, DPO AP
FM: Federated States of Micronesia, Micronesia, FSM
MH: Marshall Islands, Republic of the Marshall Islands, RMI
PW: Palau, Republic of Palau
UM: United States Minor Outlying Islands, US Minor Outlying Islands, Minor Outlying Islands
"""
# Words of a name that are written in several ways, as they are compared.
_WORDS = {
    **{"north": "n", "no": "n", "south": "s", "so": "s", "west": "w", "fed": "federated", "dist": "district"},
    **dict.fromkeys(("am", "amer"), "american"),
    **dict.fromkeys(("is", "isl", "isls", "island"), "islands"),
}
_COMMONWEALTHS = frozenset({"KY", "MA", "MP", "PA", "PR", "VA"})
_FREE = frozenset({"AS", "DC", "GU", "VI"})  # neither a state nor a commonwealth


def _table(lines: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines.strip().splitlines():
        code, _, names = line.partition(": ")
        full = names.split(", ")[0]
        formal = [f"Commonwealth of {full}", f"Commonwealth of the {full}"] if code in _COMMONWEALTHS else []
        if lines is _NAMES and code not in _FREE:
            formal += [f"State of {full}", f"{full} State"]
        found |= {_key(name): code for name in (code, *names.split(", "), *formal)}
    return found


def _key(text: str) -> str:
    """How names are compared: without case, full stops and brackets, each word in one spelling, initials joined."""
    plain = re.sub("[`\u2018\u2019\u02bb\u02bc]", "'", unicodedata.normalize("NFKC", text)).casefold()
    words = " ".join(re.sub(r"[.,()\s-]+", " ", plain).split()).removeprefix("the ")
    joined = re.sub(r"\b(?:[a-z] )+[a-z]\b", lambda found: found[0].replace(" ", ""), words)
    return " ".join(_WORDS.get(word, word) for word in joined.split(" "))


NAMES = {
    code: names.split(", ")[0] for code, _, names in (line.partition(": ") for line in _NAMES.strip().splitlines())
}
_OTHER_NAMES = {
    code: names.split(", ")[0] for code, _, names in (line.partition(": ") for line in _NOT_SERVED.strip().splitlines())
}
_CODES = _table(_NAMES)
_OTHERS = _table(_NOT_SERVED)


def code_of(text: str) -> str | None:
    """The USPS code of the state, of DC or of the territory with this code, name or usual abbreviation."""
    return _CODES.get(_key(text))


def name_of(code: str) -> str:
    """`Texas` for `TX`; an unknown code stays as it is."""
    return NAMES.get(code, code)


def problem(text: str) -> str | None:
    """A sentence saying why this is not a state in which patients can be seen; None if it is one."""
    if code_of(text):
        return None
    if other := _OTHERS.get(_key(text)):
        return f"{text!r} ({_OTHER_NAMES[other]}) is not served: no licence of a state, DC or a territory covers it."
    return f"{text!r} is not a state, DC or a territory. Write its USPS code, such as TX."
