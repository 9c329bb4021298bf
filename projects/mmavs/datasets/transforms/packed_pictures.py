"""Read the pictures of a clip from a store of decoded clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmavs.record_file import explain_full_disk

from ..clip_pack import (
    Pictures,
    content_key,
    read_pictures,
    write_pictures,
)
from ..mask_prior_option import MaskPriorOption
from .audio_front_end import AudioFrontEnd
from .formatting import PackClip
from .geometry import ClipResize, ClipResizeCenterCrop
from .load_waveform import LoadWaveform
from .loading import LoadClipFrames, LoadClipMasks
from .log_mel import LogMel
from .mask_prior import LoadMaskPrior
from .negative_sound import NegativeSound
from .replace_sound import ReplaceSound

_RESIZE = (ClipResize, ClipResizeCenterCrop)
_READ = (LoadClipFrames, LoadClipMasks, LoadMaskPrior)
#: Sources of a mask prior that is the same in every epoch.
_FIXED_PRIORS = ('truth', 'files')


class PackedPictures(BaseTransform):
    """Run transforms once and read what they made from then on.

    Made by the option ``pack_dir`` of :class:`BaseClipDataset`, see
    :func:`pack_pipeline`. The key of a stored clip is a hash of the bytes of
    its frames, labels and masks of the prior, of the arguments of the
    transforms, and of the versions of the decoders. A changed file or
    argument therefore has another key, and a stored clip is never out of
    date.

    Required and added keys: those of the transforms.

    Args:
        transforms (Sequence[BaseTransform]): Transforms without randomness
            that read or resize pictures.
        pack_dir (str | Path): Folder of the store. Several processes may use
            it at the same time.
        contiguous (bool): False if :class:`PackClip` is the only transform
            that reads the frames, which takes planes as they are stored.

    Raises:
        ValueError: If ``pack_dir`` is a file.
    """

    def __init__(
        self,
        transforms: Sequence[BaseTransform],
        pack_dir: str | Path,
        *,
        contiguous: bool = True,
    ) -> None:
        self.transforms = list(transforms)
        self.pack_dir = Path(pack_dir)
        if self.pack_dir.is_file():
            raise ValueError(
                f'pack_dir={str(pack_dir)!r}: expected a folder, got a file; '
                'choose another name.'
            )
        self.contiguous = contiguous
        self._steps = [
            [type(step).__name__, sorted(vars(step).items())]
            for step in self.transforms
        ]

    def transform(self, results: dict) -> dict:
        """Add the pictures, from the store if they are there.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip as the transforms return it.

        Raises:
            OSError: If the store cannot be read or written.
            Exception: What the transforms raise.
        """
        key = self._key(results)
        if key is None:
            return self._run(results)
        path = self.pack_dir / key[:2] / f'{key}.npy'
        pictures = read_pictures(path)
        if pictures is None:
            packed = self._run(results)
            # Unless a file changed while it was decoded.
            if self._key(results) == key:
                self._write(path, packed)
            return packed
        stored = {k: v for k, v in pictures._asdict().items() if v is not None}
        if self.contiguous:
            stored['frames'] = np.ascontiguousarray(stored['frames'])
        return {**results, **stored}

    def _run(self, results: dict) -> dict:
        results = dict(results)
        for step in self.transforms:
            results = step(results)
        return results

    def _key(self, results: dict) -> str | None:
        """Return the key; None if a file is missing, for a good message."""
        option: MaskPriorOption | None = results.get('mask_prior_option')
        parameters = dict(
            steps=self._steps,
            labels=results.get('labels'),
            label_folder=results.get('label_folder'),
            prior=None if option is None else option.source,
        )
        names = ('frame_paths', 'mask_paths', 'mask_prior_paths')
        files: list[str | None] = []
        for name in names:
            # None ends the files of a kind.
            files += [*(results.get(name) or ()), None]
        try:
            return content_key(parameters, files)
        except OSError:
            return None

    def _write(self, path: Path, packed: dict) -> None:
        pictures = Pictures(
            **{k: packed[k] for k in Pictures._fields if k in packed}
        )
        with explain_full_disk('packed clips', self.pack_dir, 'pack_dir'):
            write_pictures(path, pictures)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}({self.transforms}, '
            f'pack_dir={str(self.pack_dir)!r})'
        )


def pack_pipeline(
    transforms: Sequence[Any],
    pack_dir: str | Path,
    prior: MaskPriorOption | None,
) -> list[Any]:
    """Replace the transforms that make pictures by a store of their result.

    The first transforms up to the first random one are replaced. Those of
    the sound stay, as pictures do not depend on them. :class:`LogMel` keeps
    its log-mels in the folder, too, unless it has a ``cache_dir``.

    Args:
        transforms (Sequence[Any]): The transforms of a data set.
        pack_dir (str | Path): Folder of the store.
        prior (MaskPriorOption | None): Option of the data set.

    Returns:
        list[Any]: The transforms with :class:`PackedPictures`; unchanged
        except for ``LogMel`` if no transform reads pictures.
    """
    packed: list[Any] = []
    kept: list[Any] = []
    rest = list(transforms)
    while rest:
        if _is_packable(rest[0], prior, kept):
            packed.append(rest.pop(0))
        elif isinstance(
            rest[0], (LoadWaveform, AudioFrontEnd, ReplaceSound, NegativeSound)
        ):
            kept.append(rest.pop(0))
        else:
            break
    for step in transforms:
        if isinstance(step, LogMel) and step.cache_dir is None:
            step.cache_dir = Path(pack_dir, 'log_mel')
    if not any(isinstance(step, LoadClipFrames) for step in packed):
        return list(transforms)
    ends_there = all(type(step) is PackClip for step in rest)
    store = PackedPictures(packed, pack_dir, contiguous=not ends_there)
    return [store, *kept, *rest]


def _is_packable(
    step: Any, prior: MaskPriorOption | None, before: Sequence[Any]
) -> bool:
    """Whether a transform makes the same pictures in every epoch.

    Only exact types count: a subclass may read anything.

    Args:
        step (Any): The transform.
        prior (MaskPriorOption | None): Option of the data set.
        before (Sequence[Any]): Earlier transforms that stay. After
            ``NegativeSound``, which blanks masks, only a resize may follow,
            which makes blank masks of blank masks.

    Returns:
        bool: True if it can be packed.
    """
    if type(step) in _RESIZE:
        return True
    if any(isinstance(earlier, NegativeSound) for earlier in before):
        return False
    if type(step) is LoadMaskPrior:
        return prior is not None and prior.source in _FIXED_PRIORS
    return type(step) in _READ
