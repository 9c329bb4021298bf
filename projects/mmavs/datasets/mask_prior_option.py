"""The option ``mask_prior`` of a data set of clips."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

#: Sources of which a mixture may consist.
PARTS = ('truth', 'files', 'degraded', 'none')
MIXTURE = 'mixture'
SOURCES = (*PARTS, MIXTURE)
_HELP = (
    "set mask_prior=dict(source='truth'), dict(source='files', root=DIR) or "
    "dict(source='degraded', iou=0.5) on the data set; on the command line "
    '--cfg-options test_dataloader.dataset.mask_prior.source=truth'
)
_MIXTURE_HELP = (
    "for example mask_prior=dict(source='mixture', "
    'probabilities=dict(truth=0.5, degraded=0.5), iou=(0.3, 0.9))'
)


class MaskPriorOption(NamedTuple):
    """Source of the mask prior of stage two, for ``LoadMaskPrior``.

    Attributes:
        source (str): One of ``SOURCES``.
        root (str | None): Folder of predicted masks, as written by
            ``tools/test.py --dump-masks``. Relative to the working directory,
            not to ``data_root``. Used only if files are read, so that a
            config may change the source and keep the folder.
        iou (tuple[float, float] | None): Range from which the IoU of a
            degraded prior with the truth is drawn; both ends are equal for a
            single value.
        redraw (bool): Whether each epoch draws new errors and a new IoU
            (True if ``iou`` was given as a range).
        probabilities (tuple[tuple[str, float], ...]): Of a mixture: sources
            and their probabilities, in the order of ``PARTS``; empty for
            other sources.
    """

    source: str
    root: str | None = None
    iou: tuple[float, float] | None = None
    redraw: bool = False
    probabilities: tuple[tuple[str, float], ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The source, or the sources of a mixture."""
        return tuple(name for name, _ in self.probabilities) or (self.source,)

    @property
    def reads_files(self) -> bool:
        """Whether some clips get masks that stage one predicted."""
        return 'files' in self.sources


def parse_mask_prior(cfg: Mapping[str, Any] | None) -> MaskPriorOption | None:
    """Check the option and fill in its defaults.

    Args:
        cfg (Mapping[str, Any] | None): ``source`` and, depending on it,
            ``root`` (str), ``iou`` (a number in [0, 1], or two: low, high)
            and ``probabilities`` (of the sources of a mixture, with the sum
            1; those with the probability 0 count as absent). Entries that
            are None count as absent.

    Returns:
        MaskPriorOption | None: None if the data set has no mask prior.

    Raises:
        ValueError: If the source is missing or unknown, ``root``, ``iou`` or
            ``probabilities`` is missing, given for another source or out of
            range, or there is an unknown entry.
    """
    if cfg is None:
        return None
    given = {
        key: value for key, value in dict(cfg).items() if value is not None
    }
    names = ('source', 'root', 'iou', 'probabilities')
    unknown = sorted(given.keys() - set(names))
    if unknown:
        raise ValueError(
            'mask_prior has the entries source, root, iou and probabilities, '
            f'got {unknown}; {_HELP}'
        )
    source, root, iou, probabilities = (given.get(key) for key in names)
    if source not in SOURCES:
        raise ValueError(
            f'mask_prior.source must be one of {SOURCES}, got {source!r}; '
            f'{_HELP}'
        )
    option = MaskPriorOption(
        source=source,
        root=None if root is None else str(root),
        iou=None if iou is None else _as_range(iou),
        redraw=iou is not None and not isinstance(iou, (int, float)),
        probabilities=_parse_probabilities(source, probabilities),
    )
    if option.reads_files and root is None:
        raise ValueError(
            "mask_prior=dict(source='files') needs root=DIR, the folder that "
            'tools/test.py --dump-masks DIR wrote; on the command line '
            '--cfg-options test_dataloader.dataset.mask_prior.root=DIR'
        )
    if ('degraded' in option.sources) != (iou is not None):
        raise ValueError(
            "mask_prior: source='degraded' needs iou, and no other source "
            f'takes it; got source={source!r}, iou={iou!r}'
        )
    return option


def _parse_probabilities(
    source: str, probabilities: Any
) -> tuple[tuple[str, float], ...]:
    """Check the probabilities of a mixture; other sources have none."""
    if (source == MIXTURE) != (probabilities is not None):
        raise ValueError(
            "mask_prior: source='mixture' needs probabilities, and no other "
            f'source takes them; got source={source!r}, '
            f'probabilities={probabilities!r}; {_MIXTURE_HELP}'
        )
    if probabilities is None:
        return ()
    values = {
        name: value
        for name, value in dict(probabilities).items()
        if value is not None
    }
    unknown = sorted(values.keys() - set(PARTS))
    if unknown:
        raise ValueError(
            f'mask_prior.probabilities: expected some of {PARTS}, got '
            f'{unknown}; {_MIXTURE_HELP}'
        )
    if any(value < 0 for value in values.values()) or not math.isclose(
        sum(values.values()), 1, abs_tol=1e-6
    ):
        raise ValueError(
            'mask_prior.probabilities must be at least 0 and have the sum 1, '
            f'got {values}; {_MIXTURE_HELP}'
        )
    return tuple((name, values[name]) for name in PARTS if values.get(name))


def _as_range(iou: float | Sequence[float]) -> tuple[float, float]:
    bounds = (iou, iou) if isinstance(iou, (int, float)) else tuple(iou)
    if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1] <= 1:
        raise ValueError(
            'mask_prior.iou must be in [0, 1], or (low, high) with 0 <= low '
            f'<= high <= 1, got {iou!r}'
        )
    return bounds
