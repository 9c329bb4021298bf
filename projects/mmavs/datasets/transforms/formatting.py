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
    """Turn a loaded clip into tensors and one data sample per frame.

    Required keys: ``frames``, ``log_mel`` and the data set's own. Optional:
    ``masks``, ``mask_prior``.
    """

    def transform(self, results: dict) -> dict:
        """Pack.

        Args:
            results (dict): The clip.

        Returns:
            dict: ``inputs``, a dict of ``frames`` (T, 3, H, W) uint8,
            ``log_mel`` (T, 1, 96, 64) float32 and, where present,
            ``mask_prior`` (T, 1, h, w) float32; ``data_samples``, T
            ``SegDataSample`` with the metainfo of
            ``mmavs.structures.CLIP_META_KEYS`` and, where there are masks,
            ``gt_sem_seg`` (1, h, w) int64.
        """
        frames = np.ascontiguousarray(results['frames'].transpose(0, 3, 1, 2))
        inputs = dict(
            frames=torch.from_numpy(frames),
            log_mel=torch.as_tensor(results['log_mel'], dtype=torch.float32),
        )
        if 'mask_prior' in results:
            prior = torch.as_tensor(results['mask_prior'], dtype=torch.float32)
            inputs['mask_prior'] = prior[:, None]
        samples = [
            _pack_frame(results, t) for t in range(len(results['frames']))
        ]
        return dict(inputs=inputs, data_samples=samples)


def _pack_frame(results: dict, t: int) -> SegDataSample:
    """Make the data sample of frame t."""
    frames, masks = results['frames'], results.get('masks')
    frame_shape = tuple(frames.shape[1:3])
    if masks is not None:
        ori_shape = tuple(masks.shape[1:])
    else:
        ori_shape = tuple(results.get('mask_size', frame_shape))
    mask_paths = results.get('mask_paths')
    meta = dict(
        frame_index=t,
        num_frames=len(frames),
        frame_path=results['frame_paths'][t],
        mask_path=mask_paths[t] if mask_paths else None,
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

    mmengine's ``pseudo_collate`` refuses clips of different length, because
    it transposes their lists of data samples.

    Args:
        batch (Sequence[dict]): B clips as :class:`PackClip` gives them.

    Returns:
        dict: ``inputs``, a dict of lists of B tensors; ``data_samples``, B
        lists of ``SegDataSample``.
    """
    keys = batch[0]['inputs']
    return dict(
        inputs={key: [clip['inputs'][key] for clip in batch] for key in keys},
        data_samples=[clip['data_samples'] for clip in batch],
    )
