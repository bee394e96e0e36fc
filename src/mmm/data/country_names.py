"""Names of countries in market columns: two names of one country are probably one market."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache

#: ISO 3166 codes of two and three letters, then the names in English and those of the country and of
#: its neighbours' exports, with commas between.
_COUNTRIES = """
AE, ARE, UAE, United Arab Emirates
AR, ARG, Argentina, Argentinien
AT, AUT, Austria, Österreich, Oesterreich, Autriche
AU, AUS, Australia, Australien
BE, BEL, Belgium, Belgien, Belgique, België
BG, BGR, Bulgaria, Bulgarien
BR, BRA, Brazil, Brasil, Brasilien
CA, CAN, Canada, Kanada
CH, CHE, SUI, Switzerland, Schweiz, Suisse, Svizzera
CL, CHL, Chile
CN, CHN, China
CO, COL, Colombia, Kolumbien
CZ, CZE, Czechia, Czech Republic, Tschechien, Česko
DE, DEU, GER, Germany, Deutschland, Allemagne, Alemania
DK, DNK, Denmark, Danmark, Dänemark
EE, EST, Estonia, Estland
EG, EGY, Egypt, Ägypten
ES, ESP, Spain, España, Spanien, Espagne
FI, FIN, Finland, Finnland, Suomi
FR, FRA, France, Frankreich, Francia
GB, GBR, UK, United Kingdom, Great Britain, Britain, Großbritannien, Royaume-Uni
GR, GRC, Greece, Griechenland
HK, HKG, Hong Kong
HR, HRV, Croatia, Kroatien, Hrvatska
HU, HUN, Hungary, Ungarn, Magyarország
ID, IDN, Indonesia, Indonesien
IE, IRL, Ireland, Irland
IL, ISR, Israel
IN, IND, India, Indien
IT, ITA, Italy, Italia, Italien, Italie
JP, JPN, Japan
KR, KOR, South Korea, Korea, Südkorea
LT, LTU, Lithuania, Litauen
LU, LUX, Luxembourg, Luxemburg
LV, LVA, Latvia, Lettland
MX, MEX, Mexico, México, Mexiko
MY, MYS, Malaysia
NL, NLD, NED, Netherlands, The Netherlands, Nederland, Niederlande, Holland, Pays-Bas
NO, NOR, Norway, Norge, Norwegen
NZ, NZL, New Zealand, Neuseeland
PE, PER, Peru, Perú
PH, PHL, Philippines, Philippinen
PL, POL, Poland, Polska, Polen, Pologne
PT, PRT, Portugal
RO, ROU, Romania, România, Rumänien
RS, SRB, Serbia, Serbien
SA, SAU, KSA, Saudi Arabia, Saudi-Arabien
SE, SWE, Sweden, Sverige, Schweden
SG, SGP, Singapore, Singapur
SI, SVN, Slovenia, Slowenien
SK, SVK, Slovakia, Slowakei
TH, THA, Thailand
TR, TUR, Turkey, Türkiye, Türkei
TW, TWN, Taiwan
UA, UKR, Ukraine
US, USA, United States, United States of America, U.S., U.S.A., Vereinigte Staaten
VN, VNM, Vietnam
ZA, ZAF, RSA, South Africa, Südafrika
"""


@cache
def _codes() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in _COUNTRIES.strip().splitlines():
        names = [name.strip() for name in line.split(",")]
        found |= {name.casefold(): names[0] for name in names}
    return found


def country_of(name: str) -> str | None:
    """The two-letter code of a country's name or code; None where it is none that is known."""
    return _codes().get(" ".join(name.split()).casefold())


def same_country(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Those of the names that are of one country, where there are several, in the given order."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        code = country_of(name)
        if code is not None:
            found[code].append(name)
    return [tuple(group) for group in found.values() if len(group) > 1]
