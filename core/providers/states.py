"""States by every name that people write: exactly one, or none; and those that no licence here covers."""

import re

# USPS code: the name, then its usual abbreviations (AP style, the Postal Service's and older ones).
_NAMES = """
AK: Alaska, Alas
AL: Alabama, Ala
AR: Arkansas, Ark
AS: American Samoa, Amer Samoa, A S
AZ: Arizona, Ariz
CA: California, Calif, Cal
CO: Colorado, Colo
CT: Connecticut, Conn
DC: District of Columbia, D C, Washington DC, Washington D C, Wash DC, Wash D C, Dist of Columbia
DE: Delaware, Del
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
MP: Northern Mariana Islands, Commonwealth of the Northern Mariana Islands, Northern Marianas, N Mariana Islands, CNMI
MS: Mississippi, Miss
MT: Montana, Mont
NC: North Carolina, N Carolina, No Carolina, N C, N Car
ND: North Dakota, N Dakota, No Dakota, N D, N Dak, No Dak
NE: Nebraska, Neb, Nebr
NH: New Hampshire, N Hampshire, N H
NJ: New Jersey, N Jersey, N J
NM: New Mexico, N Mexico, N M, N Mex, New Mex
NV: Nevada, Nev
NY: New York, N York, N Y
OH: Ohio
OK: Oklahoma, Okla
OR: Oregon, Ore, Oreg
PA: Pennsylvania, Penn, Penna
PR: Puerto Rico, P R
RI: Rhode Island, R I
SC: South Carolina, S Carolina, So Carolina, S C, S Car
SD: South Dakota, S Dakota, So Dakota, S D, S Dak, So Dak
TN: Tennessee, Tenn
TX: Texas, Tex
UT: Utah
VA: Virginia
VI: U S Virgin Islands, US Virgin Islands, United States Virgin Islands, Virgin Islands, Virgin Is, USVI, U S V I, V I
VT: Vermont
WA: Washington, Wash, Washington State
WI: Wisconsin, Wis, Wisc
WV: West Virginia, W Virginia, West Va, W Va, WVa, W V
WY: Wyoming, Wyo
"""
_NOT_SERVED = """
AA: Armed Forces Americas, Armed Forces the Americas, Armed Forces of the Americas, A A
AE: Armed Forces Europe, Armed Forces Africa, Armed Forces Canada, Armed Forces Middle East, A E
AP: Armed Forces Pacific, Armed Forces the Pacific, A P
FM: Federated States of Micronesia, Micronesia, FSM, F S M, F M
MH: Marshall Islands, The Marshall Islands, Republic of the Marshall Islands, RMI, R M I, M H
PW: Palau, Republic of Palau, P W
"""


def _table(lines: str) -> dict[str, str]:
    found = {}
    for line in lines.strip().splitlines():
        code, _, names = line.partition(": ")
        found[_key(code)] = code
        found |= {_key(name): code for name in names.split(", ")}
    return found


def _key(text: str) -> str:
    """How names are compared: without case, and with a full stop or any spaces as one space."""
    plain = re.sub("[`\u2018\u2019\u02bb\u02bc]", "'", text)
    return " ".join(re.sub(r"[.,\s]+", " ", plain).split()).casefold()


NAMES = {
    code: names.split(", ")[0] for code, _, names in (line.partition(": ") for line in _NAMES.strip().splitlines())
}
_CODES = _table(_NAMES)
_OTHERS = _table(_NOT_SERVED)


def code_of(text: str) -> str | None:
    """The USPS code of the state, of DC or of the territory with this code, name or usual abbreviation."""
    return _CODES.get(_key(text))


def problem(text: str) -> str | None:
    """Why this is no state that patients can be seen in, in a sentence; None where it is one."""
    if code_of(text):
        return None
    if other := _OTHERS.get(_key(text)):
        return f"{text!r} ({other}) is not served: no licence of a state, DC or a territory covers it."
    return f"{text!r} is not a state, DC or a territory. Write its USPS code, such as TX."
