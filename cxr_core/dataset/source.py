"""What is known of the public collections that films of this kind come from.

Said by their publications, not measured here; which films of them a data set holds is counted in
its summary. A collection that is not listed is not known, and is said to be so.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Source:
    """One collection.

    Attributes:
        title: Its name.
        people: Who was imaged, and where.
        labels: Who gave the films their classes, and by what.
        license: What may be done with the films, as the collection says.
        reference: Where that is written.
    """

    title: str
    people: str
    labels: str
    license: str
    reference: str


SOURCES: Final = MappingProxyType(
    {
        "kermany-2018": Source(
            title="Kermany and others 2018, labelled chest films of children",
            people=(
                "children of one to five years at one hospital, the Guangzhou Women and Children's "
                "Medical Center, imaged in routine care; often several films of a patient"
            ),
            labels=(
                "graded by two physicians, the collection's own evaluation films by a third one; "
                "bacterial and viral pneumonia told apart"
            ),
            license="CC BY 4.0",
            reference="doi:10.1016/j.cell.2018.02.010, doi:10.17632/rscbjbr9sj",
        ),
        "cohen-2020": Source(
            title="Cohen and others 2020, COVID-19 image data collection",
            people=(
                "mostly adults, cut from publications and teaching pages of many countries; what "
                "is published is not what is common"
            ),
            labels="as the publication words it; how each diagnosis was made is mostly not stated",
            license="differs from film to film, some exclude commercial use or changes",
            reference="arXiv:2003.11597, arXiv:2006.11988",
        ),
        "figure1-2020": Source(
            title="Figure 1 COVID-19 chest X-ray dataset",
            people="patients whose films were shared on a platform for physicians; ages incomplete",
            labels="as the sharing physician worded it",
            license="CC BY 4.0",
            reference="github.com/agchung/Figure1-COVID-chestxray-dataset",
        ),
        "actualmed-2020": Source(
            title="Actualmed COVID-19 chest X-ray dataset",
            people="patients of the imaging services that gave the films; ages not published",
            labels="as published with the collection; how each diagnosis was made is not stated",
            license="see the collection",
            reference="github.com/agchung/Actualmed-COVID-chestxray-dataset",
        ),
    }
)
"""Name of a collection, as a manifest's column `source` has it, to what is known of it."""
