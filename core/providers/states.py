"""States by every name that people write: exactly one, or none; and those that no licence here covers."""

import re

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
DC: District of Columbia, D C, Washington DC, Washington D C
DE: Delaware, Del
FL: Florida, Fla
GA: Georgia
GU: Guam
HI: Hawaii, Hawai'i
IA: Iowa
ID: Idaho
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
MP: Northern Mariana Islands, Commonwealth of the Northern Mariana Islands, CNMI
MS: Mississippi, Miss
MT: Montana, Mont
NC: North Carolina, N Carolina, N C, N Car
ND: North Dakota, N Dakota, N D, N Dak
NE: Nebraska, Neb, Nebr
NH: New Hampshire, N Hampshire, N H
NJ: New Jersey, N Jersey, N J
NM: New Mexico, N Mexico, N M, N Mex
NV: Nevada, Nev
NY: New York, N York, N Y
OH: Ohio
OK: Oklahoma, Okla
OR: Oregon, Ore, Oreg
PA: Pennsylvania, Penn, Penna
PR: Puerto Rico, P R
RI: Rhode Island, R I
SC: South Carolina, S Carolina, S C, S Car
SD: South Dakota, S Dakota, S D, S Dak
TN: Tennessee, Tenn
TX: Texas, Tex
UT: Utah
VA: Virginia
VI: U S Virgin Islands, US Virgin Islands, Virgin Islands, USVI, V I
VT: Vermont
WA: Washington, Wash
WI: Wisconsin, Wis, Wisc
WV: West Virginia, W Virginia, W Va, W V
WY: Wyoming, Wyo
"""
_NOT_SERVED = """
AA: Armed Forces Americas
AE: Armed Forces Europe
AP: Armed Forces Pacific
FM: Federated States of Micronesia, Micronesia
MH: Marshall Islands, Republic of the Marshall Islands
PW: Palau, Republic of Palau
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
    return " ".join(re.sub(r"[.,\s]+", " ", text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")).split()).casefold()


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
