"""Base of the clip metrics: one result entry per clip."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmavs.structures import UNLABELLED


@dataclass(frozen=True)
class ClipEntry:
    """Result of one clip; subclasses add their scores.

    Attributes:
        sample_idx (int): Index of the clip in the dataset.
        subset (str): v1s, v1m or v2.
        clip_id (str): Identifier of the clip within its subset.
        num_frames (int): Frames T of the clip.
    """

    sample_idx: int
    subset: str
    clip_id: str
    num_frames: int


EntryT = TypeVar('EntryT', bound=ClipEntry)


class ClipMetric(BaseMetric, Generic[EntryT]):
    """Base of the metrics that score whole clips.

    Results do not depend on how clips are distributed over processes: every
    clip is one entry, entries are sorted by their index in the dataset, and
    clips that a sampler repeats to give each process equally many are counted
    once.

    A subclass implements :meth:`process_clip` and
    :meth:`compute_clip_metrics`.

    Args:
        collect_device (str): 'cpu' (through a shared folder) or 'gpu'
            (through the process group).
        collect_dir (str | None): The shared folder; a temporary folder by
            default.
    """

    def __init__(
        self, collect_device: str = 'cpu', collect_dir: str | None = None
    ) -> None:
        super().__init__(
            collect_device=collect_device,
            prefix='clip',
            collect_dir=collect_dir,
        )
        # Keys already contain the protocol. BaseMetric's constructor warns
        # if there is no prefix, so the prefix is removed after it.
        self.prefix = None
        self._num_clips = 0

    @abstractmethod
    def process_clip(self, frames: list[dict]) -> EntryT:
        """Reduce one clip to the values that the metrics need.

        Args:
            frames (list[dict]): The clip's T predicted samples in order, as
                ``SegDataSample.to_dict()`` gives them.

        Returns:
            EntryT: A :class:`ClipEntry`, small and picklable.
        """

    @abstractmethod
    def compute_clip_metrics(self, entries: list[EntryT]) -> dict[str, float]:
        """Compute metrics from all entries; called on the main process only.

        Args:
            entries (list[EntryT]): One per clip, in dataset order.

        Returns:
            dict[str, float]: Values by name.
        """

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Process the frames of one batch of whole clips.

        Args:
            data_batch (Any): Not used.
            data_samples (Sequence[dict]): The N predicted frames.
        """
        for frames in group_frames(data_samples):
            self.results.append(self.process_clip(frames))

    def evaluate(self, size: int) -> dict[str, float]:
        """Collect all processes' entries and compute the metrics.

        Args:
            size (int): Number of clips in the dataset.

        Returns:
            dict[str, float]: The same on every process.
        """
        self._num_clips = size
        # mmengine would truncate the interleaved entries to `size`, which
        # drops real clips if the sampler did not interleave. compute_metrics
        # drops repeated clips by name instead.
        return super().evaluate(sys.maxsize)

    def compute_metrics(self, results: list[EntryT]) -> dict[str, float]:
        """Sort the entries, drop repeated clips, and compute the metrics.

        Args:
            results (list[EntryT]): Entries of all processes, any order.

        Returns:
            dict[str, float]: What :meth:`compute_clip_metrics` returns.

        Raises:
            ValueError: If clips are missing, or two share a ``sample_idx``.
        """
        entries: dict[int, EntryT] = {}
        for entry in results:
            known = entries.setdefault(entry.sample_idx, entry)
            if (known.subset, known.clip_id) != (entry.subset, entry.clip_id):
                raise ValueError(
                    'sample_idx must be unique in the dataset, but '
                    f'{entry.sample_idx} belongs to both '
                    f'{known.subset}/{known.clip_id} and '
                    f'{entry.subset}/{entry.clip_id}; put the clips into one '
                    'dataset instead of concatenating datasets.'
                )
        if len(entries) != self._num_clips:
            raise ValueError(
                f'{type(self).__name__} must see every clip of the dataset: '
                f'expected {self._num_clips} clips, got {len(entries)}; '
                'evaluate(size) counts clips, and the dataloader must have '
                'drop_last=False.'
            )
        return self.compute_clip_metrics(
            [entries[index] for index in sorted(entries)]
        )


def group_frames(data_samples: Sequence[Mapping]) -> list[list[Any]]:
    """Split a batch of frames into its clips.

    Args:
        data_samples (Sequence[Mapping]): N frames, clip after clip, each with
            the keys ``sample_idx``, ``clip_id``, ``frame_index`` and
            ``num_frames``.

    Returns:
        list[list[Any]]: The frames of each clip, in order.

    Raises:
        ValueError: If a clip's frames are not 0..T-1 in order.
    """
    clips: list[list[Any]] = []
    for sample in data_samples:
        if sample['frame_index'] == 0:
            clips.append([])
        if not clips:
            raise ValueError(
                f'a batch must start with frame 0 of a clip, got frame '
                f'{sample["frame_index"]} of clip {sample["clip_id"]!r}; '
                'metrics need whole clips.'
            )
        clips[-1].append(sample)
    for frames in clips:
        _check_whole_clip(frames)
    return clips


def describe_frame(sample: Mapping) -> str:
    """Name a frame in an error message.

    Args:
        sample (Mapping): Frame with the clip's metainfo.

    Returns:
        str: For example ``frame 3 of clip 'abc' (v1m)``.
    """
    return (
        f'frame {sample["frame_index"]} of clip {sample["clip_id"]!r} '
        f'({sample["subset"]})'
    )


def check_labelled(truth: Tensor, where: str) -> None:
    """Raise if a frame has no label.

    Args:
        truth (Tensor): Class ids of a frame.
        where (str): Names the frame.

    Raises:
        ValueError: If every pixel of the truth is 255.
    """
    if bool((truth == UNLABELLED).all()):
        raise ValueError(
            f'{where} is not labelled (gt_sem_seg is {UNLABELLED}), so it '
            'cannot be scored: v1s training clips have labels for frame 0 '
            'only. '
            "Evaluate split='val' or 'test', or set the data set's "
            "unlabelled='repeat_first'."
        )


def _check_whole_clip(frames: Sequence[Mapping]) -> None:
    """Raise ValueError unless the frames are one clip's, 0..T-1."""
    first = frames[0]
    expected = [(first['sample_idx'], t) for t in range(first['num_frames'])]
    got = [(frame['sample_idx'], frame['frame_index']) for frame in frames]
    if got != expected:
        raise ValueError(
            f'clip {first["clip_id"]!r} must come as its frames 0 to '
            f'{first["num_frames"] - 1} in one batch, got frames '
            f'{[frame["frame_index"] for frame in frames]} of sample_idx '
            f'{sorted({frame["sample_idx"] for frame in frames})}.'
        )
