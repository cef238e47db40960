"""The viewer's Python side: scripts joined, panels checked, colours, what a page hands over."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import ui.components.viewer as viewer_module
from ui.components.viewer import MAX_PANELS, Panel, viewer_grid
from ui.components.viewer.colour import colour_tables, diverging_table, table_title
from ui.components.viewer.script import joined

FOLDER = Path(viewer_module.__file__).parent
SCRIPTS = sorted((FOLDER / "js").glob("*.js"))
GRID_PAGE = Path(__file__).resolve().parents[1] / "browser" / "grid_page.py"


def test_all_scripts_are_joined_each_once():
    text = joined(FOLDER / "js" / "main.js")
    for path in SCRIPTS:
        assert text.count(path.read_text("utf-8").splitlines()[0]) == 1, path.name
    assert "import " not in "".join(line[:7] for line in text.splitlines())
    assert text.count("export default function") == 1


def test_imports_come_before_their_users(tmp_path):
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nexport const a = b;\n', "utf-8")
    (tmp_path / "b.js").write_text("export const b = 1;\n", "utf-8")
    assert joined(tmp_path / "a.js").split() == ["const", "b", "=", "1;", "const", "a", "=", "b;"]


def test_a_name_that_is_declared_twice_is_refused(tmp_path):
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nconst c = b;\n', "utf-8")
    (tmp_path / "b.js").write_text("const c = 2;\nexport const b = 1;\n", "utf-8")
    with pytest.raises(ValueError, match=r"`c` must be declared once\. Received: b\.js and a\.js"):
        joined(tmp_path / "a.js")


@pytest.mark.parametrize(
    "line", ['import x from "./b.js";', 'import { x } from "https://cdn.example/x.js";']
)
def test_other_forms_of_import_are_refused(tmp_path, line):
    (tmp_path / "a.js").write_text(line + "\n", "utf-8")
    with pytest.raises(ValueError, match=r"`a\.js` must import by name from its own folder"):
        joined(tmp_path / "a.js")


def test_the_viewer_is_small_files_that_fetch_nothing_and_set_no_markup():
    for path in [*SCRIPTS, *FOLDER.glob("*.css"), *FOLDER.glob("*.html")]:
        text = path.read_text("utf-8")
        assert len(text.splitlines()) < 500, path.name
        for word in ("innerHTML", "insertAdjacentHTML", "http:", "https:", "fetch(", "webgl"):
            assert word not in text, f"{path.name}: {word}"


def test_the_conventional_colours_are_last_and_labelled():
    tables = colour_tables()
    assert list(tables) == ["inferno", "cividis", "viridis", "grey", "jet"]
    assert table_title("jet") == "jet (conventional)"
    assert all(table.shape == (256, 3) for table in tables.values())


def test_the_signed_table_is_dark_in_the_middle_and_even_at_its_ends():
    """Lightness of both ends (CIE L*, worked out from sRGB) differs by less than 8 of 100."""
    table = diverging_table()

    def lightness(rgb):
        share = rgb / 255.0
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        y = float(linear @ [0.2126, 0.7152, 0.0722])
        return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y

    curve = [lightness(rgb) for rgb in table.astype(float)]
    assert abs(curve[0] - curve[-1]) < 8
    assert int(np.argmin(curve)) in (127, 128)


@pytest.mark.parametrize("n", [0, MAX_PANELS + 1])
def test_a_grid_holds_one_to_twelve_panels(n):
    panel = Panel("VGG16", "vgg16", "COVID19", "hirescam", None)
    with pytest.raises(ValueError, match=f"`panels` must hold 1 to 12. Received: {n} panels"):
        viewer_grid(None, [panel] * n, colour_tables={}, label="x", key="k")


@pytest.mark.parametrize("query", ["film=deep", "film=thin", "film=flat&single=1", "film=large"])
def test_the_page_hands_everything_to_the_browser(query):
    page = AppTest.from_file(str(GRID_PAGE), default_timeout=60)
    for part in query.split("&"):
        name, value = part.split("=")
        page.query_params[name] = value
    page.run()
    assert not page.exception
    (component,) = page.get("bidi_component")
    (data,) = json.loads(component.proto.json)
    assert set(data["film"]) >= {"packed", "bits", "windows", "notes"}
    assert (data["panels"] is None) == ("single" in query)
