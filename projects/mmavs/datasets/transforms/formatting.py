"""Pack a clip for the model, and clips into a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.registry import FUNCTIONS
from mmengine.structures import PixelData
from mmseg.registry import TRANSFORMS
from mmseg.structures import SegDataSample

from ...structures import CLIP_META_KEYS


@TRANSFORMS.register_module()
class PackClip(BaseTransform):
    """Pack a loaded clip into tensors and one data sample per frame.

    Required keys: ``frames``, the rows of audio named by ``audio_key`` and
    the keys of the data set. Optional: ``audio_spans``, ``masks``,
    ``mask_prior``.

    Args:
        audio_key (str): Key of the rows of audio, such as ``'log_mel'`` of
            ``LogMel`` or ``'audio_windows'`` of ``AudioWindows``.
    """

    def __init__(self, audio_key: str = 'log_mel') -> None:
        self.audio_key = audio_key

    def transform(self, results: dict) -> dict:
        """Pack the clip.

        Args:
            results (dict): The clip.

        Returns:
            dict: ``inputs``, a dict of ``frames`` (T, 3, H, W) uint8,
            ``audio`` (T, ...) float32 and, where present, ``mask_prior``
            (T, 1, h, w) float32; ``data_samples``, T ``SegDataSample`` with
            the metainfo of ``mmavs.structures.CLIP_META_KEYS`` and, where
            there are masks, ``gt_sem_seg`` (1, h, w) int64.

        Raises:
            ValueError: If there is no ``audio_key``; names the clip.
        """
        if self.audio_key not in results:
            raise ValueError(
                f'clip {results["clip_id"]!r} has no {self.audio_key!r} to '
                'pack; set PackClip(audio_key=...) to the key of the audio '
                f'transform before it. There are: {sorted(results)}.'
            )
        frames = np.ascontiguousarray(results['frames'].transpose(0, 3, 1, 2))
        inputs = dict(
            frames=torch.from_numpy(frames),
            audio=torch.as_tensor(
                results[self.audio_key], dtype=torch.float32
            ),
        )
        if 'mask_prior' in results:
            prior = torch.as_tensor(results['mask_prior'], dtype=torch.float32)
            inputs['mask_prior'] = prior[:, None]
        samples = [
            _pack_frame(results, t) for t in range(len(results['frames']))
        ]
        return dict(inputs=inputs, data_samples=samples)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(audio_key={self.audio_key!r})'


def _pack_frame(results: dict, t: int) -> SegDataSample:
    """Make the data sample of frame t."""
    frames, masks = results['frames'], results.get('masks')
    frame_shape = tuple(frames.shape[1:3])
    if masks is not None:
        ori_shape = tuple(masks.shape[1:])
    else:
        ori_shape = tuple(results.get('mask_size', frame_shape))
    mask_paths = results.get('mask_paths')
    spans = results.get('audio_spans')
    meta = dict(
        frame_index=results.get('frame_of_clip', t),
        num_frames=len(frames),
        frame_path=results['frame_paths'][t],
        mask_path=mask_paths[t] if mask_paths else None,
        audio_span=spans[t] if spans else None,
        ori_shape=ori_shape,
        img_shape=frame_shape,
        pad_shape=frame_shape,
    )
    for key in CLIP_META_KEYS:
        meta.setdefault(key, results.get(key))
    sample = SegDataSample(metainfo=meta)
    if masks is not None:
        ids = torch.from_numpy(masks[t].astype(np.int64))
        sample.gt_sem_seg = PixelData(data=ids[None])
    return sample


@FUNCTIONS.register_module()
def clip_collate(batch: Sequence[dict]) -> dict:
    """Collate clips of any lengths into lists, clip by clip.

    mmengine's ``pseudo_collate`` raises an error for clips of different
    lengths, because it transposes their lists of data samples.

    Args:
        batch (Sequence[dict]): B clips as :class:`PackClip` returns them.

    Returns:
        dict: ``inputs``, a dict of lists of B tensors; ``data_samples``, B
        lists of ``SegDataSample``.

    Raises:
        ValueError: If the pipeline has not packed the clips.
    """
    if 'inputs' not in batch[0]:
        raise ValueError(
            'clip_collate: expected clips with inputs, got the entries '
            f'{sorted(batch[0])}; end the pipeline of the data set with '
            'PackClip.'
        )
    keys = batch[0]['inputs']
    return dict(
        inputs={key: [clip['inputs'][key] for clip in batch] for key in keys},
        data_samples=[clip['data_samples'] for clip in batch],
    )
