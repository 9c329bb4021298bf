"""The clips of a data set with several sounds each."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence

from mmengine.config import ConfigDict
from mmseg.registry import DATASETS
from torch.utils.data import Dataset

from mmavs.fingerprint import hash_config, hash_excerpt

from .base_clip import BaseClipDataset
from .sound_conditions import ORIGINAL, set_sound
from .transforms import clip_collate


class ConditionClips(Dataset):
    """Items are the clips of a data set, each with several sounds.

    An item is a dictionary: condition -> batch of one clip, as
    ``clip_collate`` returns it. A condition is missing in the item of a clip
    that has no such sound, or whose result is known (``known``).

    Attributes:
        metainfo (dict): Of the data set.
        keys (list[dict[str, str]]): For every clip, condition -> hash of the
            files of the clip with this sound.
        known (set[str]): Keys that are left out of the items.

    Args:
        dataset (ConfigDict): Config of a ``BaseClipDataset`` whose clips have
            their own sound.
        sounds (Sequence[str]): Conditions besides ``'original'``, see
            :func:`set_sound`.

    Raises:
        ValueError: If no clip has a sound of a condition, see
            :func:`set_sound` and :class:`BaseClipDataset`.
    """

    def __init__(self, dataset: ConfigDict, sounds: Sequence[str]) -> None:
        self.conditions: dict[str, BaseClipDataset] = {}
        for sound in (ORIGINAL, *sounds):
            cfg = copy.deepcopy(dataset)
            if sound != ORIGINAL:
                set_sound(cfg, sound)
                # Positions differ if clips without such a sound are left out.
                cfg.indices = None
            self.conditions[sound] = DATASETS.build(cfg)
        self.metainfo = self.conditions[ORIGINAL].metainfo
        self._places = _same_clips(self.conditions)
        self.keys = [
            {
                sound: _hash_files(self.conditions[sound], place, sound)
                for sound, place in places.items()
            }
            for places in self._places
        ]
        self.known: set[str] = set()

    def __len__(self) -> int:
        """Return the number of clips."""
        return len(self._places)

    def __getitem__(self, index: int) -> dict[str, dict]:
        """Load a clip.

        Args:
            index (int): Position of the clip.

        Returns:
            dict[str, dict]: Condition -> batch of one clip.
        """
        keys = self.keys[index]
        return {
            sound: clip_collate([self.conditions[sound][place]])
            for sound, place in self._places[index].items()
            if keys[sound] not in self.known
        }

    def num_clips(self, sound: str) -> int:
        """Return the number of clips that have a sound.

        Args:
            sound (str): The condition.

        Returns:
            int: At least 1.
        """
        return sum(sound in places for places in self._places)


def _same_clips(
    conditions: Mapping[str, BaseClipDataset],
) -> list[dict[str, int]]:
    """For each clip, condition -> its position in that data set."""
    places: dict[tuple[str, str], dict[str, int]] = {}
    for sound, dataset in conditions.items():
        for index, clip in enumerate(dataset.list_clips()):
            name = (clip['subset'], clip['clip_id'])
            if sound == ORIGINAL:
                places[name] = {}
            if name in places:
                places[name][sound] = index
    return list(places.values())


def _hash_files(dataset: BaseClipDataset, place: int, sound: str) -> str:
    clip = dataset.get_data_info(place)
    files: Iterable[str | None] = (
        *clip['frame_paths'],
        *clip['mask_paths'],
        clip['audio_path'],
    )
    hashes = [None if file is None else hash_excerpt(file) for file in files]
    facts = [clip[name] for name in ('sample_idx', 'subset', 'clip_id')]
    return hash_config(dict(sound=sound, clip=facts, files=hashes))
