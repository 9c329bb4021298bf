"""Turn a batch of clips into a batch of frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor


@MODELS.register_module()
class AVSDataPreprocessor(BaseDataPreprocessor):
    """Move, normalise and fold clips: (B, T) -> N.

    Clips of a batch may differ in T, not in frame size.

    AVSBench and AVSegFormer pad the clips of AVSS to 10 frames
    (``AVSBench@f7414af:avs_scripts/avss/color_dataloader.py``). This matters
    wherever batch statistics or temporal attention see padded frames. Padded
    frames are zero after normalisation (the mean colour), and so are their
    rows of audio and mask prior. Padded frames have no data samples.

    Args:
        mean (Sequence[float]): Mean of red, green, blue, in 0..255.
        std (Sequence[float]): Standard deviation of red, green, blue, in
            0..255.
        pad_clips_to (int | None): Number of frames to which every clip is
            padded at its end. None does not pad.
        non_blocking (bool): Move tensors asynchronously.

    Raises:
        ValueError: If ``pad_clips_to`` is below 1.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        *,
        pad_clips_to: int | None = None,
        non_blocking: bool = False,
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        if pad_clips_to is not None and pad_clips_to < 1:
            raise ValueError(
                f'pad_clips_to must be None or at least 1, got {pad_clips_to}'
            )
        self.pad_clips_to = pad_clips_to
        for name, values in (('mean', mean), ('std', std)):
            column = torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)
            self.register_buffer(name, column, persistent=False)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Preprocess a collated batch.

        Args:
            data (dict): ``inputs``, a dict of lists of B tensors: ``frames``
                (T, 3, H, W) uint8 RGB, ``audio`` (T, ...), the input of the
                audio backbone, others (T, ...); ``data_samples``, B lists
                of T ``SegDataSample``, from ``clip_collate``.
            training (bool): Not used; part of mmengine's signature.

        Returns:
            dict: ``inputs``, a dict of ``frames`` (N, 3, H, W) float32
            normalised, ``audio`` (N, ...), others (N, ...) and
            ``num_frames``, the T of each clip; ``data_samples``, N
            ``SegDataSample``. N is the sum of T; the frames of a clip stay
            together and in order. With ``pad_clips_to=P``, N is B * P,
            ``num_frames`` is P for each clip, ``inputs`` has ``valid``
            (N,) bool, and there is a data sample for each valid row.

        Raises:
            ValueError: If an input has another number of rows than its clip
                has frames, frame sizes differ in the batch, or a clip has
                more frames than ``pad_clips_to``.
        """
        data = self.cast_data(data)
        inputs: dict[str, list[Tensor]] = data['inputs']
        lengths = [len(frames) for frames in inputs['frames']]
        clips = data['data_samples']
        _check_samples(clips, lengths)
        _check_inputs(inputs, clips)
        folded: dict[str, Any] = {
            key: torch.cat(list(rows)) for key, rows in inputs.items()
        }
        folded['num_frames'] = tuple(lengths)
        folded['frames'] = (folded['frames'].float() - self.mean) / self.std
        samples = [sample for clip in clips for sample in clip]
        if self.pad_clips_to is not None:
            folded = _pad_clips(folded, clips, self.pad_clips_to)
        return dict(inputs=folded, data_samples=samples)


def _pad_clips(
    inputs: dict[str, Any],
    clips: list[list[SegDataSample]],
    num_frames: int,
) -> dict[str, Any]:
    """Pad clips with rows of zeros: N -> B * num_frames."""
    for clip in clips:
        if len(clip) > num_frames:
            raise ValueError(
                f'clip {clip[0].clip_id!r} has {len(clip)} frames, more than '
                f'pad_clips_to={num_frames} of the AVSDataPreprocessor'
            )
    device = inputs['frames'].device
    lengths = torch.tensor([len(clip) for clip in clips], device=device)
    steps = torch.arange(num_frames, device=device)
    valid = (steps < lengths[:, None]).flatten()
    padded: dict[str, Any] = {}
    for key, rows in inputs.items():
        if key != 'num_frames':
            padded[key] = rows.new_zeros(len(valid), *rows.shape[1:])
            padded[key][valid] = rows
    padded['num_frames'] = (num_frames,) * len(clips)
    padded['valid'] = valid
    return padded


def _check_samples(
    clips: Sequence[Sequence[SegDataSample]], lengths: Sequence[int]
) -> None:
    """Raise unless each clip has one sample per frame, in order of time."""
    found = [[sample.frame_index for sample in clip] for clip in clips]
    if found != [list(range(length)) for length in lengths]:
        raise ValueError(
            f'data_samples must hold {len(lengths)} lists, one per clip, of '
            f'{list(lengths)} frames in order, got the frame indices {found}; '
            "set collate_fn=dict(type='clip_collate') in the data loader."
        )


def _check_inputs(
    inputs: dict[str, list[Tensor]], clips: list[list[SegDataSample]]
) -> None:
    """Raise unless inputs have a row per frame; names the clip."""
    size = inputs['frames'][0].shape[2:]
    for index, clip in enumerate(clips):
        name = f'clip {clip[0].clip_id!r}'
        for key, rows in inputs.items():
            if len(rows[index]) != len(clip):
                raise ValueError(
                    f'{key} of {name} must have one row for each of its '
                    f'{len(clip)} frames, got {tuple(rows[index].shape)}; '
                    'if this is audio, see the options of its transform, '
                    "such as LogMel's short and long."
                )
        frames = inputs['frames'][index]
        if frames.shape[2:] != size:
            raise ValueError(
                'frames in a batch must have one size (H, W), got '
                f'{tuple(size)} and, for {name}, {tuple(frames.shape[2:])}; '
                'let ClipResize(frame_size=(H, W)) end the pipeline.'
            )
