"""Convert torchvggish's public weights, ``vggish-10086976.pth``."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .name_table import Report, Table, convert

#: Both sides use the same names; the table checks that the file is complete.
TABLE: Table = {
    'features.{0,3,6,8,11,13}.{weight,bias}': 'features.{}.{}',
    'embeddings.{0,2,4}.{weight,bias}': 'embeddings.{}.{}',
}


def convert_vggish(
    source: Mapping[str, Tensor],
    expected: Mapping[str, Tensor] | None = None,
) -> tuple[dict[str, Tensor], Report]:
    """Convert the tensors of the public file.

    Args:
        source (Mapping[str, Tensor]): 18 tensors.
        expected (Mapping[str, Tensor] | None): See
            :func:`.name_table.convert`.

    Returns:
        tuple[dict[str, Tensor], Report]: State dict of
        :class:`mmavs.models.VGGish`, and the report.

    Raises:
        ValueError: If the names are not those of the public file.
    """
    return convert(source, TABLE, expected=expected)


def add_vggish(
    state_dict: dict[str, Tensor],
    report: Report,
    vggish: Mapping[str, Tensor],
) -> None:
    """Add VGGish to a converted system whose release does not contain it.

    Args:
        state_dict (dict[str, Tensor]): The system, extended in place with 18
            tensors under ``audio_backbone.``.
        report (Report): Its report, extended with a note.
        vggish (Mapping[str, Tensor]): Tensors of the public file.

    Raises:
        ValueError: If the names are not those of the public file.
    """
    converted, vggish_report = convert_vggish(vggish)
    state_dict |= {f'audio_backbone.{k}': v for k, v in converted.items()}
    report.notes.append(f'VGGish: {vggish_report}')
