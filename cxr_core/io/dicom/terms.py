"""Terms of the standard that may be shown and kept, by keyword; words that may label a window."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from cxr_core.io.dicom.accept import FILM_MODALITIES, OTHER_MODALITIES
from cxr_core.io.dicom.layout import COLOURS, GREY, PALETTE
from cxr_core.io.dicom.view import FRONTAL_VIEWS, LATERAL_VIEWS

_TERMS: Final = {
    "SpecificCharacterSet": "ISO_IR 6|ISO_IR 13|ISO_IR 100|ISO_IR 101|ISO_IR 109|ISO_IR 110|"
    "ISO_IR 126|ISO_IR 127|ISO_IR 138|ISO_IR 144|ISO_IR 148|ISO_IR 166|ISO_IR 192|ISO 2022 IR 6|"
    "ISO 2022 IR 13|ISO 2022 IR 87|ISO 2022 IR 100|ISO 2022 IR 149|ISO 2022 IR 159|GB18030|GBK",
    "Modality": "|".join((*FILM_MODALITIES, *OTHER_MODALITIES)),
    "ImageType": "ORIGINAL|DERIVED|PRIMARY|SECONDARY|SINGLE PLANE|RADIOGRAPH|CHEST|POST_PROCESSED|"
    "STANDARD|AXIAL|AP|PA|OTHER|",
    "PresentationIntentType": "FOR PRESENTATION|FOR PROCESSING",
    "ConversionType": "DV|DI|DF|WSD|SD|SI|DRW|SYN",
    "BodyPartExamined": "CHEST|THORAX|LUNG|RIB|RIBS|HEART|ABDOMEN|PELVIS|SPINE|CSPINE|TSPINE|"
    "LSPINE|SKULL|HEAD|NECK|SHOULDER|CLAVICLE|STERNUM|SCAPULA|ARM|ELBOW|HAND|WRIST|HIP|LEG|KNEE|"
    "ANKLE|FOOT|EXTREMITY|BREAST|WHOLEBODY",
    "ViewPosition": "|".join((*FRONTAL_VIEWS, *LATERAL_VIEWS)),
    "Laterality": "L|R|U|B",
    "ImageLaterality": "L|R|U|B",
    "PatientPosition": "HFP|HFS|HFDR|HFDL|FFP|FFS|FFDR|FFDL",
    "PhotometricInterpretation": "|".join((*GREY, PALETTE, *COLOURS)),
    "PresentationLUTShape": "IDENTITY|INVERSE",
    "VOILUTFunction": "LINEAR|LINEAR_EXACT|SIGMOID",
    "PixelIntensityRelationship": "LIN|LOG|DISP",
    "PixelSpacingCalibrationType": "GEOMETRY|FIDUCIAL",
    "LossyImageCompression": "00|01",
    "LossyImageCompressionMethod": "ISO_10918_1|ISO_14495_1|ISO_15444_1",
    "BurnedInAnnotation": "YES|NO",
    "RecognizableVisualFeatures": "YES|NO",
    "PatientIdentityRemoved": "YES|NO",
    "LongitudinalTemporalInformationModified": "UNMODIFIED|MODIFIED|REMOVED",
    "CollimatorShape": "RECTANGULAR|CIRCULAR|POLYGONAL",
    "FieldOfViewShape": "RECTANGLE|ROUND|HEXAGONAL",
    "FieldOfViewHorizontalFlip": "YES|NO",
    "DetectorType": "DIRECT|SCINTILLATOR|STORAGE|FILM",
    "DetectorConfiguration": "AREA|SLOT",
    "DetectorActiveShape": "RECTANGLE|ROUND|HEXAGONAL",
    "DetectorConditionsNominalFlag": "YES|NO",
    "ExposureControlMode": "MANUAL|AUTOMATIC",
    "ExposureStatus": "NORMAL|ABORTED",
    "FilterMaterial": "ALUMINUM|COPPER|MOLYBDENUM|RHODIUM|NIOBIUM|LEAD",
    "AnodeTargetMaterial": "TUNGSTEN|MOLYBDENUM|RHODIUM",
    "Grid": "FIXED|FOCUSED|RECIPROCATING|PARALLEL|CROSSED|NONE|IN|OUT",
    "CassetteOrientation": "LANDSCAPE|PORTRAIT",
    "CassetteSize": "18CMX24CM|8INX10IN|24CMX30CM|10INX12IN|30CMX35CM|30CMX40CM|11INX14IN|"
    "35CMX35CM|14INX14IN|35CMX43CM|14INX17IN",
    "BorderDensity": "BLACK|WHITE",
}

TERMS: Final = MappingProxyType({key: frozenset(text.split("|")) for key, text in _TERMS.items()})
"""Code strings (VR CS) that may pass and their terms; a CS can hold anything in capitals."""

MAKERS: Final = MappingProxyType(
    {
        "AGFA": "Agfa",
        "CANON": "Canon",
        "CARESTREAM": "Carestream",
        "DRGEM": "DRGEM",
        "FUJI": "Fuji",
        "FUJIFILM": "Fuji",
        "GE": "GE",
        "GEMS": "GE",
        "HOLOGIC": "Hologic",
        "KODAK": "Kodak",
        "KONICA": "Konica",
        "KONICAMINOLTA": "Konica",
        "PHILIPS": "Philips",
        "SAMSUNG": "Samsung",
        "SHIMADZU": "Shimadzu",
        "SIEMENS": "Siemens",
        "VAREX": "Varex",
        "SWISSRAY": "Swissray",
        "TOSHIBA": "Toshiba",
        "TRIXELL": "Trixell",
    }
)
"""First word of Manufacturer (0008,0070) to the name that is shown; others are not shown."""
