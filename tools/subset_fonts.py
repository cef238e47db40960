"""Make the two fonts of the PDF reports, `assets/fonts/*.ttf`: `python -m tools.subset_fonts`.

They are Source Sans 3 by Adobe, the dashboard's own type, as it lies in the Streamlit wheel: one
variable font, from which the regular and the bold weight are cut, with Latin, Latin extended,
Greek, Cyrillic and the signs that a report needs, and without hinting and layout tables. The SIL
Open Font License reserves the name "Source" for Adobe's own versions, so the result has another.

Needs the package `brotli`, which nothing else here needs, to unpack WOFF2. The same wheel and the
same fontTools give the same bytes.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Final

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

SOURCE: Final = "SourceSansVF-Upright.ttf.BsWL4Kly.woff2"
SOURCE_SHA256: Final = "5f16566f7a40d39b339ad26be151fa5a1ab1f0c2574c7a2e619765584a1acbd8"
FOLDER: Final = Path(__file__).resolve().parent.parent / "assets" / "fonts"
FAMILY: Final = "Reading Room Sans"
WEIGHTS: Final = {"regular": ("Regular", 400), "bold": ("Bold", 700)}
RANGES: Final = (
    (0x20, 0x7E),  # Basic Latin
    (0xA0, 0x24F),  # Latin-1, Latin Extended-A and -B
    (0x370, 0x4FF),  # Greek, Cyrillic
    (0x1E00, 0x1EFF),  # Latin Extended Additional
    (0x2010, 0x203A),  # dashes, quotation marks, ellipsis
)
SIGNS: Final = "€№™←↑→↓\N{MINUS SIGN}≈≠≤≥■□"
LEFT_OUT: Final = ["GSUB", "GPOS", "GDEF", "STAT", "MVAR", "HVAR", "DSIG", "BASE", "FFTM"]


def main() -> None:
    """Write both fonts and print their sizes."""
    spec = importlib.util.find_spec("streamlit")
    if spec is None or spec.origin is None:
        raise SystemExit("streamlit must be installed: its wheel holds the font")
    source = Path(spec.origin).parent / "static" / "static" / "media" / SOURCE
    found = hashlib.sha256(source.read_bytes()).hexdigest()
    if found != SOURCE_SHA256:
        msg = f"{SOURCE} must be the file with SHA-256 {SOURCE_SHA256}. Received: {found}"
        raise SystemExit(msg)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stem, (style, weight) in WEIGHTS.items():
        path = FOLDER / f"report-{stem}.ttf"
        made = cut(source, style, weight)
        made.save(path)
        print(f"{path.name}: {path.stat().st_size:,} bytes, {len(made.getBestCmap()):,} characters")


def cut(path: Path, style: str, weight: int) -> TTFont:
    """Return one weight of the variable font with the characters of `RANGES` and `SIGNS`."""
    font = TTFont(path, recalcTimestamp=False)
    font.flavor = None
    font = instantiateVariableFont(font, {"wght": weight}, inplace=True)
    options = subset.Options(
        layout_features=[], hinting=False, drop_tables=LEFT_OUT, name_IDs=["*"], notdef_outline=True
    )
    subsetter = subset.Subsetter(options)
    wanted = {code for first, last in RANGES for code in range(first, last + 1)}
    subsetter.populate(unicodes=wanted | set(map(ord, SIGNS)))
    subsetter.subset(font)
    _rename(font, style)
    return font


def _rename(font: TTFont, style: str) -> None:
    """Give the font a name of its own; copyright and licence stay."""
    names = font["name"]
    kept = {number: names.getDebugName(number) for number in (0, 13, 14)}
    names.names = []
    own = {
        1: FAMILY,
        2: style,
        3: f"{FAMILY} {style}, from Source Sans 3.052",
        4: f"{FAMILY} {style}",
        5: "Version 3.052",
        6: f"{FAMILY.replace(' ', '')}-{style}",
    }
    for number, text in sorted({**kept, **own}.items()):
        if text:
            names.setName(text, number, 3, 1, 0x409)
    font["OS/2"].usWeightClass = 400 if style == "Regular" else 700
    font["OS/2"].fsSelection = 0x40 if style == "Regular" else 0x20
    font["head"].macStyle = 0 if style == "Regular" else 1


if __name__ == "__main__":
    main()
