"""The errors that a user can meet, each with one plain sentence on what to do next.

Wrong arguments from programmers stay `ValueError` and `TypeError`; pages and the command line catch
`CxrError` only. Messages name the file and the value received, never anything about a patient.
"""

from __future__ import annotations


class CxrError(Exception):
    """Base of every error that has a plain-language way out.

    Args:
        message: What is wrong, with the value received.
        hint: One sentence for the person at the screen; the class's own sentence if `None`.
    """

    default_hint = "Check the input and try again."

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint or self.default_hint

    def to_dict(self) -> dict[str, str]:
        """Return type, message and hint, as JSON results hold them."""
        return {"type": type(self).__name__, "message": str(self), "hint": self.hint}


class UnreadableImageError(CxrError):
    """The bytes are not an image that this software can read, or they are damaged."""

    default_hint = "Export the film again as PNG, JPEG, TIFF, BMP or WebP and upload that file."


class ImageTooLargeError(CxrError):
    """The file or its pixel count is over the limit; nothing was decoded."""

    default_hint = "Export the film at a smaller size; 4,000 by 4,000 pixels is ample."


class ArchiveError(CxrError):
    """An archive, or an entry of one, cannot be read safely; nothing of it was unpacked to disk."""

    default_hint = "Unpack the archive yourself and name the folder, or zip the films again."


class UnsupportedDicomError(CxrError):
    """The DICOM object is not one that this software reads."""

    default_hint = (
        "Export the frontal chest film as PNG or TIFF at full depth and upload that file."
    )


class SpecMismatchError(CxrError):
    """Two parts that must fit each other do not: a schema version, a shape, a missing member."""

    default_hint = "Use a bundle that was published by this version, or publish it again."


class ArtifactIntegrityError(CxrError):
    """A published file is missing, or its bytes are not the ones that were published."""

    default_hint = "Restore the bundle folder from the repository; do not edit its files."


class NotApplicableError(CxrError):
    """The question does not apply to this object; a typed outcome, not a failure."""

    default_hint = "Choose another system, class or method."


class CancelledCheckError(CxrError):
    """The person who started a check ended it; what it had measured is dropped."""

    default_hint = "Start the check again when there is time for it."


class ForbiddenFolderError(CxrError):
    """The folder is not one that whoever runs the dashboard lets visitors name."""

    default_hint = "Upload the films, or ask whoever runs this page to allow the folder."


class OutputError(CxrError):
    """Results cannot be written, or another run writes them now."""

    default_hint = "Name a file in a folder of yours, with room on the disk, for --out."


class StudyError(CxrError):
    """A reader study cannot be opened, or does not take an answer, as things are."""

    default_hint = "Name the folder of a reader study, or begin a new one."


class StudyChangedError(StudyError):
    """Films or files of a reader study are not those that it was made of."""

    default_hint = "Put the files back as they were, or begin a new study with those there are now."


class NotInstalledError(CxrError):
    """A part of the software that is installed apart is needed, and is not there."""

    default_hint = "Install what the message names into the same environment."


class ClusterError(CxrError):
    """Several machines cannot read films together: one is out of reach, too small or unlike."""

    default_hint = "Look at `ray status` on the first machine, then go on with --resume."


class TrainingDataError(CxrError):
    """The training folder cannot be used as it is."""

    default_hint = (
        "Give a folder with train/ and test/, each with COVID19/, NORMAL/ and PNEUMONIA/."
    )


class ConfigError(CxrError):
    """A setting is unknown or has the wrong type."""

    default_hint = "Compare the setting with the presets in train/presets."
