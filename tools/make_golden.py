"""Write what the bundled models say of the sample films, for the test that nothing changed.

    python tools/make_golden.py

Run it after a new bundle was published on purpose, and look at the difference it makes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cxr_core.bundle import Bundle  # noqa: E402
from cxr_core.io import read_path  # noqa: E402
from cxr_core.predict import Predictor  # noqa: E402

TARGET = ROOT / "tests" / "cli" / "golden.json"


def main() -> None:
    """Read every sample with the default variant and write the probabilities."""
    predictor = Predictor(Bundle.load())
    golden = {
        path.name: {
            system: [round(float(p), 6) for p in reading.raw_probs]
            for system, reading in predictor.read(read_path(path)).systems.items()
        }
        for path in sorted((ROOT / "assets" / "samples").glob("*.png"))
    }
    content = {"variant": predictor.variant, "films": golden}
    TARGET.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    print(f"{TARGET.name}: {len(golden)} films, {len(predictor.systems)} systems")


if __name__ == "__main__":
    main()
