"""Base class of the data sets whose items are clips."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from mmengine.dataset import BaseDataset
from mmseg.registry import DATASETS

from .clip_checks import check_choice, check_clips, check_indices
from .folds import parse_fold, select_fold
from .frame_items import keep_frame, labelled_frames
from .mask_directory import MaskDirectory
from .mask_prior_option import parse_mask_prior
from .metainfo import voc_palette
from .sound_conditions import insert_after_sound
from .sound_swap import (
    OffscreenSounds,
    rotate_sounds,
    take_offscreen_sounds,
)
from .transforms import LoadMaskPrior, NegativeSound, pack_pipeline

SOUND_SOURCES = ('own', 'next_clip', 'offscreen')
ITEMS = ('clips', 'frames')


class BaseClipDataset(BaseDataset, ABC):
    """Clips of frames with one sound file each; one item is one clip or frame.

    Subclasses set ``METAINFO`` and implement :meth:`load_clips`; see
    docs/add_a_dataset.md. All tools, hooks and transforms of the project then
    work with the data set. Clips may differ in length.

    Attributes:
        METAINFO (dict): ``classes``, where class 0 is the background, and
            optionally ``palette``, one RGB colour per class.
        SPLITS (tuple[str, ...]): Names that ``split`` accepts.
        SUBSETS (tuple[str, ...]): Names that ``subsets`` accepts. A data set
            without subsets keeps the default, one subset of all clips.

    Args:
        split (str | Sequence[str]): One or several of ``SPLITS``.
        subsets (Sequence[str] | None): Some of ``SUBSETS``. Defaults to None:
            all.
        sound_from (str): ``'own'``, or ``'next_clip'``: every clip gets the
            sound of the next clip of its subset and split, and the last clip
            that of the first; or ``'offscreen'``: every clip gets the sound
            of a clip whose objects are of other broad categories, see
            :meth:`sound_categories`; clips for which there is no such sound
            are left out. Both measure how much a result depends on the
            sound.
        items (str): ``'clips'``, or ``'frames'``: every labelled frame is an
            item, a clip with T = 1 whose row of audio is that of its second.
            For training; metrics and mask dumps need whole clips.
        fold (Mapping | None): Keep the clips of one fold of K, or those of
            all others: ``dict(num_folds=K, number=k, part='held_out')`` or
            ``part='train'``; see :func:`~mmavs.datasets.folds.assign_folds`.
            Defaults to None, all clips.
        seed (int): Part of ``rng_seed``, which seeds random transforms.
        mask_prior (Mapping | None): Source of the mask prior of stage two for
            ``LoadMaskPrior``: ``dict(source='truth')``,
            ``dict(source='files', root=DIR)``,
            ``dict(source='degraded', iou=0.5)`` or ``iou=(low, high)``,
            ``dict(source='none')``, or a mixture of them; see
            :class:`MaskPriorOption`. Defaults to None, the data set has no
            prior.
        negative_sound (Mapping | None): For training: arguments of
            :class:`NegativeSound`, which is inserted into the pipeline after
            ``LoadWaveform``. Defaults to None, no negatives.
        pack_dir (str | None): Folder that stores the decoded and resized
            pictures of each clip and its log-mel, so that they are computed
            once; items stay the same, see :func:`pack_pipeline`. Defaults to
            None: files are decoded for every item.
        ann_file (str): Table of the clips, relative to ``data_root``.
        data_root (str): Root of the data set.
        data_prefix (Mapping[str, str] | None): As in mmengine.
        metainfo (Mapping | None): Overrides entries of ``METAINFO``. Without
            a palette, the colours are those of PASCAL VOC.
        pipeline (Sequence[dict | Callable]): Transforms.
        indices (int | Sequence[int] | None): Keep the first n clips, or the
            clips with these indices; also for ``items='frames'``.
        test_mode (bool): As in mmengine.
        lazy_init (bool): Read the table on first use.

    Raises:
        FileNotFoundError: If a file that lists the clips is missing.
        ValueError: If an argument has another value, there are no classes,
            the pipeline has ``LoadMaskPrior`` but ``mask_prior`` is None,
            :meth:`load_clips` returns faulty clips, or no clip is in the
            subsets and splits.
    """

    SPLITS: tuple[str, ...] = ('train', 'val', 'test')
    SUBSETS: tuple[str, ...] = ('all',)

    def __init__(
        self,
        *,
        split: str | Sequence[str],
        subsets: Sequence[str] | None = None,
        sound_from: str = 'own',
        items: str = 'clips',
        fold: Mapping[str, Any] | None = None,
        seed: int = 0,
        mask_prior: Mapping[str, Any] | None = None,
        negative_sound: Mapping[str, Any] | None = None,
        pack_dir: str | None = None,
        ann_file: str = '',
        data_root: str = '',
        data_prefix: Mapping[str, str] | None = None,
        metainfo: Mapping | None = None,
        pipeline: Sequence[dict | Callable] = (),
        indices: int | Sequence[int] | None = None,
        test_mode: bool = False,
        lazy_init: bool = False,
    ) -> None:
        self.splits = (split,) if isinstance(split, str) else tuple(split)
        for name in self.splits:
            check_choice('split', name, self.SPLITS)
        self.subsets = tuple(subsets or self.SUBSETS)
        for name in self.subsets:
            check_choice('subsets', name, self.SUBSETS)
        check_choice('sound_from', sound_from, SOUND_SOURCES)
        self.sound_from = sound_from
        check_choice('items', items, ITEMS)
        self.items = items
        #: (clip, frame) of every item of ``items='frames'``.
        self._frames: list[tuple[int, int]] = []
        self.fold = parse_fold(fold)
        self.seed = seed
        self.mask_prior = parse_mask_prior(mask_prior)
        if 'mask_prior' in (data_prefix or {}):
            raise ValueError(
                'data_prefix takes no mask_prior; set '
                "mask_prior=dict(source='files', root=DIR) on the data set, "
                'on the command line '
                '--cfg-options test_dataloader.dataset.mask_prior.root=DIR'
            )
        if negative_sound is not None:
            pipeline = insert_after_sound(
                pipeline, dict(negative_sound, type=NegativeSound)
            )
        self._offscreen: OffscreenSounds | None = None
        # In shared memory, because persistent workers hold a copy of the data
        # set made before the first epoch and must see the later epochs.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        super().__init__(
            ann_file=ann_file,
            metainfo=metainfo,
            data_root=data_root,
            data_prefix=dict(data_prefix or {}),
            pipeline=list(pipeline),
            indices=indices,
            test_mode=test_mode,
            lazy_init=True,
        )
        self._complete_metainfo()
        self._check_pipeline()
        if pack_dir is not None:
            self.pipeline.transforms = pack_pipeline(
                self.pipeline.transforms, pack_dir, self.mask_prior
            )
        if not lazy_init:
            self.full_init()

    @abstractmethod
    def load_clips(self) -> list[dict]:
        """List the clips of all splits and subsets.

        Returns:
            list[dict]: One dict per clip with the keys ``clip_id`` (str, a
            folder name, unique within its subset), ``subset``, ``split``,
            ``num_frames`` (T), ``frame_paths`` (T str), ``mask_paths`` (T
            str, None for a frame without a label) and ``audio_path`` (str).
            Other keys are passed to the transforms unchanged.
        """

    def sound_categories(self, clip: Mapping[str, Any]) -> frozenset[str]:
        """Return the broad categories of the objects that sound in a clip.

        For ``sound_from='offscreen'``; a data set that implements it may use
        any names.

        Args:
            clip (Mapping[str, Any]): An entry of :meth:`load_clips`.

        Returns:
            frozenset[str]: Empty if nothing sounds.

        Raises:
            ValueError: If the data set does not know them.
        """
        raise ValueError(
            "sound_from='offscreen' needs the categories of the objects that "
            f'sound, which {type(self).__name__} does not know; implement its '
            "method sound_categories, or choose sound_from='next_clip'."
        )

    def present_categories(self, clip: Mapping[str, Any]) -> frozenset[str]:
        """Return the categories that an off-screen sound must not have.

        A data set that knows silent objects as well overrides this.

        Args:
            clip (Mapping[str, Any]): An entry of :meth:`load_clips`.

        Returns:
            frozenset[str]: The result of :meth:`sound_categories`.

        Raises:
            ValueError: If the data set does not know them.
        """
        return self.sound_categories(clip)

    @property
    def usual_num_frames(self) -> int:
        """Frames of a typical clip; window length of ``AVSInferencer``."""
        return 5

    @classmethod
    def subset_options(cls, subset: str) -> dict[str, Any]:
        """Return the arguments that restrict the data set to one subset.

        ``tools/run_stepping_stones.py`` uses them to train stage one.

        Args:
            subset (str): One of ``SUBSETS``.

        Returns:
            dict[str, Any]: Arguments of the data set.
        """
        return dict(subsets=[subset])

    @property
    def epoch(self) -> int:
        """Epoch that seeds random transforms; set it before each epoch."""
        return int(self._epoch)

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._epoch.fill_(epoch)

    def load_data_list(self) -> list[dict]:
        """Select, check and complete the clips.

        Returns:
            list[dict]: The clips of ``splits`` and ``subsets``, in the order
            of :meth:`load_clips`; if ``mask_prior`` reads files, they also
            have ``mask_prior_paths`` (T).
        """
        clips = self.load_clips()
        check_clips(clips, type(self).__name__, self.SUBSETS, self.SPLITS)
        kept = [
            clip
            for clip in clips
            if clip['subset'] in self.subsets and clip['split'] in self.splits
        ]
        if not kept:
            raise ValueError(
                f'no clip with split in {self.splits} and subset in '
                f'{self.subsets} among the {len(clips)} clips of '
                f'{self.ann_file or self.data_root}; check the options split '
                'and subsets (task), or the table.'
            )
        if self.fold is not None:
            kept = select_fold(kept, self.fold)
        if self.sound_from == 'offscreen' or self._trains_on_offscreen():
            self._offscreen = OffscreenSounds(
                kept, self.sound_categories, self.present_categories
            )
        if self.sound_from == 'next_clip':
            rotate_sounds(kept)
        elif self.sound_from == 'offscreen':
            assert self._offscreen is not None
            kept = take_offscreen_sounds(kept, self._offscreen)
        check_indices(self._indices, len(kept))
        if self.mask_prior is not None and self.mask_prior.reads_files:
            assert self.mask_prior.root is not None
            masks = MaskDirectory(self.mask_prior.root)
            for clip in kept:
                clip['mask_prior_paths'] = masks.mask_paths(clip)
        return kept

    def full_init(self) -> None:
        """Read the table, and list the frames that are items."""
        if self._fully_initialized:
            return
        super().full_init()
        if self.items == 'frames':
            self._frames = labelled_frames(self.list_clips())

    def __len__(self) -> int:
        """Return the number of items."""
        self.full_init()
        return len(self._frames) if self._frames else super().__len__()

    def list_clips(self) -> list[dict]:
        """Return the entries of all clips.

        Returns:
            list[dict]: As :meth:`get_data_info` returns them for
            ``items='clips'``.
        """
        return [self._clip_info(i) for i in range(super().__len__())]

    def get_data_info(self, idx: int) -> dict:
        """Return an item's entry with the values that its transforms need.

        Args:
            idx (int): Position of the item.

        Returns:
            dict: The clip's entry with ``sample_idx`` (int), ``rng_seed``,
            the tuple (seed, epoch, sample_idx), ``sound_from`` (str) and
            ``mask_prior_option`` (:class:`MaskPriorOption` or None); for
            ``items='frames'`` reduced to one frame, see
            :func:`~mmavs.datasets.frame_items.keep_frame`.
        """
        self.full_init()
        if not self._frames:
            return self._clip_info(idx)
        clip, frame = self._frames[idx]
        info = keep_frame(self._clip_info(clip), frame)
        info['sample_idx'] = idx % len(self._frames)
        info['rng_seed'] = (self.seed, self.epoch, info['sample_idx'])
        return info

    def _clip_info(self, idx: int) -> dict:
        info = super().get_data_info(idx)
        info['rng_seed'] = (self.seed, self.epoch, info['sample_idx'])
        info['sound_from'] = self.sound_from
        info['mask_prior_option'] = self.mask_prior
        if self._offscreen is not None:
            info['offscreen_paths'] = self._offscreen.paths(info)
        return info

    def _trains_on_offscreen(self) -> bool:
        return any(
            isinstance(step, NegativeSound) and step.weights['offscreen'] > 0
            for step in self.pipeline.transforms
        )

    def _complete_metainfo(self) -> None:
        classes = self._metainfo.get('classes')
        if not classes:
            raise ValueError(
                f'{type(self).__name__} needs classes, class 0 being the '
                "background; set METAINFO = dict(classes=('background', ...))"
                ' on the class, or metainfo=dict(classes=...).'
            )
        if 'palette' not in self._metainfo:
            self._metainfo['palette'] = voc_palette(len(classes)).tolist()

    def _check_pipeline(self) -> None:
        has_prior = any(
            isinstance(transform, LoadMaskPrior)
            for transform in self.pipeline.transforms
        )
        if has_prior and self.mask_prior is None:
            raise ValueError(
                f'the pipeline of the {"+".join(self.splits)} data set has '
                'LoadMaskPrior, but its option mask_prior is None; set '
                "mask_prior=dict(source='truth'), dict(source='files', "
                "root=DIR) or dict(source='degraded', iou=0.5)."
            )


def build_unread(cfg: Mapping[str, Any]) -> BaseClipDataset:
    """Build a data set for its metainfo, without reading any file.

    Classes, palette, splits, subsets and usual clip length are available; the
    clips are not.

    Args:
        cfg (Mapping[str, Any]): Config of the data set.

    Returns:
        BaseClipDataset: The data set, without a pipeline.

    Raises:
        ValueError: If it is not a ``BaseClipDataset`` or has wrong arguments.
    """
    dataset_class = cfg['type']
    if isinstance(dataset_class, str):
        dataset_class = DATASETS.get(dataset_class)
    if not isinstance(dataset_class, type) or not issubclass(
        dataset_class, BaseClipDataset
    ):
        raise ValueError(
            'expected a data set that derives from mmavs.datasets.'
            f'BaseClipDataset, got type={cfg["type"]!r}; see '
            'docs/add_a_dataset.md.'
        )
    return DATASETS.build(
        {**cfg, 'pipeline': [], 'mask_prior': None, 'lazy_init': True}
    )
