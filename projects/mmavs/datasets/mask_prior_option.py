"""The option ``mask_prior`` of a data set of clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

SOURCES = ('truth', 'files', 'degraded')
_HELP = (
    "set mask_prior=dict(source='truth'), dict(source='files', root=DIR) or "
    "dict(source='degraded', iou=0.5) on the data set; on the command line "
    '--cfg-options test_dataloader.dataset.mask_prior.source=truth'
)


class MaskPriorOption(NamedTuple):
    """Source of the mask prior of stage two, for ``LoadMaskPrior``.

    Attributes:
        source (str): ``'truth'``, ``'files'`` or ``'degraded'``.
        root (str | None): Folder of predicted masks, as written by
            ``tools/test.py --dump-masks``. Relative to the working directory,
            not to ``data_root``. Used only with ``source='files'``, so that a
            config may change the source and keep the folder.
        iou (tuple[float, float] | None): Range from which the IoU of a
            degraded prior with the truth is drawn; both ends are equal for a
            single value.
        redraw (bool): Whether each epoch draws new errors and a new IoU
            (True if ``iou`` was given as a range).
    """

    source: str
    root: str | None = None
    iou: tuple[float, float] | None = None
    redraw: bool = False


def parse_mask_prior(cfg: Mapping[str, Any] | None) -> MaskPriorOption | None:
    """Check the option and fill in its defaults.

    Args:
        cfg (Mapping[str, Any] | None): ``source`` and, depending on it,
            ``root`` (str) or ``iou`` (a number in [0, 1], or two: low, high).
            Entries that are None count as absent.

    Returns:
        MaskPriorOption | None: None if the data set has no mask prior.

    Raises:
        ValueError: If the source is missing or unknown, ``root`` or ``iou``
            is missing, ``iou`` is given for another source or out of range,
            or there is an unknown entry.
    """
    if cfg is None:
        return None
    given = {
        key: value for key, value in dict(cfg).items() if value is not None
    }
    unknown = sorted(given.keys() - {'source', 'root', 'iou'})
    if unknown:
        raise ValueError(
            f'mask_prior has the entries source, root and iou, got {unknown}; '
            f'{_HELP}'
        )
    source, root, iou = (given.get(key) for key in ('source', 'root', 'iou'))
    if source not in SOURCES:
        raise ValueError(
            f"mask_prior.source must be 'truth', 'files' or 'degraded', got "
            f'{source!r}; {_HELP}'
        )
    if source == 'files' and root is None:
        raise ValueError(
            "mask_prior=dict(source='files') needs root=DIR, the folder that "
            'tools/test.py --dump-masks DIR wrote; on the command line '
            '--cfg-options test_dataloader.dataset.mask_prior.root=DIR'
        )
    if (source == 'degraded') != (iou is not None):
        raise ValueError(
            "mask_prior: source='degraded' needs iou, and no other source "
            f'takes it; got source={source!r}, iou={iou!r}'
        )
    return MaskPriorOption(
        source=source,
        root=None if root is None else str(root),
        iou=None if iou is None else _as_range(iou),
        redraw=iou is not None and not isinstance(iou, (int, float)),
    )


def _as_range(iou: float | Sequence[float]) -> tuple[float, float]:
    bounds = (iou, iou) if isinstance(iou, (int, float)) else tuple(iou)
    if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1] <= 1:
        raise ValueError(
            'mask_prior.iou must be in [0, 1], or (low, high) with 0 <= low '
            f'<= high <= 1, got {iou!r}'
        )
    return bounds
