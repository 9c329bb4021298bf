"""Convert torchvggish's public weights, ``vggish-10086976.pth``."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from .name_table import Report, Table, convert
from .target_model import model_tensors

#: Both sides use the same names; the table checks that the file is complete.
TABLE: Table = {
    'features.{0,3,6,8,11,13}.{weight,bias}': 'features.{}.{}',
    'embeddings.{0,2,4}.{weight,bias}': 'embeddings.{}.{}',
}


def convert_vggish(
    source: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], Report]:
    """Convert the tensors of the public file.

    Args:
        source (Mapping[str, Tensor]): 18 tensors.

    Returns:
        tuple[dict[str, Tensor], Report]: State dict of
        :class:`mmavs.models.VGGish`, and the report.

    Raises:
        ValueError: If names or shapes are not those of the public file.
    """
    expected = model_tensors(dict(type='VGGish', final_relu=False))
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
        ValueError: If names or shapes are not those of the public file.
    """
    converted, vggish_report = convert_vggish(vggish)
    state_dict |= {f'audio_backbone.{k}': v for k, v in converted.items()}
    report.notes.append(f'VGGish: {vggish_report}')


def without_vggish(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Remove the tensors of the audio backbone.

    Args:
        state_dict (Mapping[str, Tensor]): Tensors of a whole model.

    Returns:
        dict[str, Tensor]: The remaining tensors.
    """
    return {
        name: tensor
        for name, tensor in state_dict.items()
        if not name.startswith('audio_backbone.')
    }
