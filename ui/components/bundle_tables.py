"""A bundle's facts as rows for tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

from cxr_core.labels import system_title

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cxr_core.bundle import Bundle, VariantEntry


def bundle_facts(bundle: Bundle, variant: str) -> dict[str, str]:
    """Return name and version of a bundle, and what it holds.

    Args:
        bundle: The bundle.
        variant: Name of the variant in use.

    Returns:
        Fact to value, in display order.
    """
    return {
        "Name": bundle.name,
        "Version": bundle.version,
        "Created": bundle.created,
        "Variants": ", ".join(bundle.variants),
        "Variant in use": variant,
        "Systems": ", ".join(system_title(name) for name in bundle.variant(variant).systems),
    }


def member_rows(variant: VariantEntry) -> list[dict[str, str]]:
    """Return one row per fact with a column per network, so that long values have room.

    Args:
        variant: The variant in use.

    Returns:
        Fact, then network title to value; one mapping per row, in display order.
    """
    facts = {
        system_title(member.name): {
            "Input (pixels)": f"{member.preprocess.width_px} by {member.preprocess.height_px}",
            "Resampling": member.preprocess.resampling,
            "Scaling": member.preprocess.scaling,
            "Feature layer": member.feature_layer,
            "Pooling": member.pooling,
            "Weights": member.weights_origin,
            "Stored as": member.compression,
        }
        for member in variant.members.values()
    }
    names = next(iter(facts.values()))
    return [
        {"": name, **{title: values[name] for title, values in facts.items()}} for name in names
    ]


def file_rows(files: Mapping[str, tuple[str, int]]) -> list[dict[str, str | int]]:
    """Return one row per published file.

    Args:
        files: Path to (SHA-256, bytes).

    Returns:
        Column title to value, one mapping per file.
    """
    return [
        {"File": path, "Bytes": n_bytes, "SHA-256": sha256}
        for path, (sha256, n_bytes) in files.items()
    ]


def bundle_section(bundle: Bundle, variant: str) -> None:
    """Draw what a bundle is: its facts, its networks and its files.

    Args:
        bundle: The bundle.
        variant: Name of the variant in use.
    """
    st.header("Bundle", anchor=False)
    st.table(
        bundle_facts(bundle, variant),
        hide_header=True,
        border="horizontal",
        alt="Name, version, variants and systems of the bundle",
    )
    st.caption("Digest of the bundle (SHA-256 of its manifest, which holds the hash of every file)")
    st.code(bundle.digest, language=None)
    st.header("Networks", anchor=False)
    st.table(
        member_rows(bundle.variant(variant)),
        border="horizontal",
        hide_index=True,
        alt="Preprocessing, feature layer and origin of the weights of each network",
    )
    st.header("Files and their hashes", anchor=False)
    st.dataframe(
        file_rows(bundle.files),
        hide_index=True,
        alt="Size and SHA-256 of every published file",
    )


def without_pictures(text: str) -> str:
    """Turn the pictures of a Markdown text into links, which nothing follows by itself.

    Args:
        text: Markdown.
    """
    return re.sub(r"!+(?=\[)", "", text)


def card_text(card: str) -> None:
    """Draw a model card; its commands wrap, as a keyboard cannot scroll them sideways.

    Its pictures become links: a reader's browser would fetch them from wherever the card says.

    Args:
        card: Markdown with code between fences of three backticks.
    """
    for position, text in enumerate(card.split("```")):
        if position % 2:
            st.code(text.partition("\n")[2].rstrip(), language=None, wrap_lines=True)
        else:
            st.markdown(without_pictures(text))
