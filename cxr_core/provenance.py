"""Where numbers come from: one line for every export, and the whole chain of a bundle as rows.

A bundle cannot hold its own digest, which is of the manifest that lists all its files. So cards in
it name version, films and files; the digest stands beside them on screen and in every export.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from cxr_core.bundle import AUDIT, DATASET, GATE, MANIFEST, TRADEOFF

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle
    from cxr_core.predict import Predictor

CALIBRATED: Final = "calibrated"
RAW: Final = "raw"
NOT_RECORDED: Final = "not recorded"
WHOLE: Final = "Whole bundle"
_SHOWN_DIGITS: Final = 16


@dataclass(frozen=True)
class Provenance:
    """What an exported number was made with.

    Attributes:
        bundle: Name of the bundle.
        version: Its version.
        digest: Its digest, SHA-256 as hex.
        variant: Name of the variant.
        precision: Arithmetic of the networks, `f32` or `bf16`.
        probabilities: `calibrated` or `raw`.
    """

    bundle: str
    version: str
    digest: str
    variant: str
    precision: str
    probabilities: str

    @classmethod
    def of(cls, predictor: Predictor, *, is_raw: bool = False) -> Provenance:
        """Return what numbers of a predictor come from.

        Args:
            predictor: The models in use.
            is_raw: True where the reader looks at probabilities before calibration.

        Returns:
            The provenance; raw too where the variant has no calibration.
        """
        trust = predictor.trust_model
        has_calibration = trust is not None and bool(trust.calibration)
        return cls(
            predictor.bundle.name,
            predictor.bundle.version,
            predictor.bundle.digest,
            predictor.variant,
            predictor.precision,
            CALIBRATED if has_calibration and not is_raw else RAW,
        )

    def line(self) -> str:
        """Return it as one line for a picture's margin."""
        return (
            f"{self.bundle} {self.version} \N{MIDDLE DOT} digest {self.digest[:_SHOWN_DIGITS]} "
            f"\N{MIDDLE DOT} variant {self.variant} \N{MIDDLE DOT} {self.precision} "
            f"\N{MIDDLE DOT} {self.probabilities} probabilities"
        )

    def to_dict(self) -> dict[str, str]:
        """Return JSON-ready fields."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def commented(self, table: str) -> str:
        """Put it above a table of comma-separated values, one comment line a field.

        Args:
            table: The table, with its header.

        Returns:
            The table after lines that start with `#`, which readers skip if told so, for example
            `pandas.read_csv(..., comment="#")`.
        """
        lines = [f"# {name}: {value}\n" for name, value in self.to_dict().items()]
        return "".join([*lines, "# research use only\n", table])


@dataclass(frozen=True)
class Link:
    """One fact of the chain.

    Attributes:
        variant: The variant that it is of, or `WHOLE`.
        of: What it is of, in words.
        fact: What is told.
        value: The value, or `NOT_RECORDED`.
        file: File of the bundle that tells it.
    """

    variant: str
    of: str
    fact: str
    value: str
    file: str


def chain(bundle: Bundle) -> tuple[Link, ...]:
    """Return the whole chain: which bundle, which films, which commands and versions.

    Args:
        bundle: A verified bundle.

    Returns:
        Facts of the whole bundle, then of each variant, the default one first.
    """
    order = sorted(bundle.variants, key=lambda name: name != bundle.default_variant)
    links = [*_bundle_links(bundle), *_file_links(bundle)]
    for name in order:
        links += [*_training_links(bundle, name), *_trust_links(bundle, name)]
        links += _evaluation_links(bundle, name)
    return tuple(links)


def _bundle_links(bundle: Bundle) -> list[Link]:
    """Tell name, digest and the steps that made the bundle."""
    rows = {"Name": bundle.name, "Version": bundle.version, "Created": bundle.created}
    links = [Link(WHOLE, "Bundle", fact, value, MANIFEST) for fact, value in rows.items()]
    links.append(Link(WHOLE, "Bundle", "Digest", bundle.digest, "bundle.json, digest of it"))
    for step in ("publish", "evidence"):
        made = bundle.made_by.get(step)
        if made is None and step != "publish":
            continue
        title = "Publishing" if step == "publish" else "Evidence"
        links.append(Link(WHOLE, title, "Command", _words(made, "command"), MANIFEST))
        links += _environment(WHOLE, title, (made or {}).get("environment"))
    return links


def _file_links(bundle: Bundle) -> list[Link]:
    """Tell the digests of what is measured of the whole bundle, and the commands in it."""
    dataset = bundle.dataset() or {}
    links = []
    if dataset:
        links.append(Link(WHOLE, "Films", "Data digest", dataset["digest"], DATASET))
    titles = {DATASET: "Films", TRADEOFF: "Added films", AUDIT: "Shortcut audit", GATE: "Gate"}
    for path, title in titles.items():
        if path not in bundle.files:
            continue
        links.append(Link(WHOLE, title, "File digest", bundle.files[path][0], path))
        content = bundle.read_json(path) or {}
        told = [content, *content.get("variants", {}).values()]
        commands = {str(each["command"]): None for each in told if each.get("command")}
        links += [Link(WHOLE, title, "Command", command, path) for command in commands]
    return links


def _training_links(bundle: Bundle, name: str) -> list[Link]:
    """Tell how the heads of a variant were trained, and on which networks."""
    training = bundle.variant(name).training
    config, data = training.get("config", {}), training.get("data", {})
    seeds = f"seed {training.get('seed', NOT_RECORDED)}"
    if "split_seed" in config:
        seeds += f", seed of the division {config['split_seed']}"
    rows = {
        "Recipe": f"preset {training['preset']}, {seeds}" if "preset" in training else None,
        "Created": training.get("created"),
        "Command": training.get("command"),
        "Data digest": data.get("digest"),
    }
    links = [
        Link(name, "Training", fact, _words({fact: value}, fact), MANIFEST)
        for fact, value in rows.items()
    ]
    links += _environment(name, "Training", training.get("environment"))
    links += [
        Link(name, "Models", "File digest", digest, path)
        for path, digest in bundle.fingerprint(name).items()
    ]
    return links


def _trust_links(bundle: Bundle, name: str) -> list[Link]:
    """Tell which films calibrated a variant."""
    path = bundle.variant(name).trust_path
    if path is None:
        return [Link(name, "Calibration", "File digest", "none in this bundle", MANIFEST)]
    about = (bundle.read_json(path) or {}).get("about", {})
    films = None
    if "n" in about:
        films = f"{about['n']:,} films of {about.get('n_patients', 0):,} patients"
    rows = {
        "Films": films,
        "Data digest": about.get("digest"),
        "Heads that read them": about.get("heads"),
    }
    return [
        Link(name, "Calibration", "File digest", bundle.files[path][0], path),
        *(
            Link(name, "Calibration", fact, _words({fact: value}, fact), path)
            for fact, value in rows.items()
        ),
    ]


def _evaluation_links(bundle: Bundle, name: str) -> list[Link]:
    """Tell on which films a variant was measured, and how intervals were made."""
    path = bundle.variant(name).evaluation_path
    if path is None:
        return [Link(name, "Figures", "File digest", "none in this bundle", MANIFEST)]
    links = [Link(name, "Figures", "File digest", bundle.files[path][0], path)]
    for title, found in (bundle.evaluation(name) or {"sets": {}})["sets"].items():
        resamples = found.get("n_resamples")
        rows = {
            "Films": f"{found['n_films']:,} films of {found['n_patients']:,} patients, "
            f"{found.get('precision', 'precision not recorded')}",
            "Data digest": found.get("films_digest"),
            "Intervals": resamples and f"{resamples:,} resamples, seed {found['seed']}",
        }
        links += [
            Link(name, f"Figures on {title}", fact, _words({fact: value}, fact), path)
            for fact, value in rows.items()
        ]
    return links


def _environment(variant: str, of: str, environment: Mapping[str, Any] | None) -> list[Link]:
    """Tell revision, machine and versions of packages."""
    if not environment:
        return [Link(variant, of, "Revision and versions", NOT_RECORDED, MANIFEST)]
    packages = ", ".join(f"{n} {v}" for n, v in environment.get("packages", {}).items())
    rows = {
        "Revision": environment.get("revision"),
        "Versions": f"Python {environment.get('python')}, {packages}; {environment.get('machine')}",
    }
    return [
        Link(variant, of, fact, _words({fact: value}, fact), MANIFEST)
        for fact, value in rows.items()
    ]


def _words(mapping: Mapping[str, Any] | None, name: str) -> str:
    """Return a value as text, or that it is not recorded."""
    value = (mapping or {}).get(name)
    return NOT_RECORDED if value in (None, "") else str(value)
