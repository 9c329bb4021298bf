"""The files of a clip that are validated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mmavs.datasets.avsbench import LABEL_FOLDERS, NUM_FRAMES
from mmavs.datasets.metainfo import AVSBENCH_CLASSES


class LabelFiles(NamedTuple):
    """Labels of one kind.

    Attributes:
        holds_ids (bool): Pixels are class ids; otherwise colours.
        paths (tuple[str | None, ...]): T files, None for an unlabelled frame.
        is_binary (bool): Any pixel that is not black counts as sounding, so
            colours outside the palette are no fault.
    """

    holds_ids: bool
    paths: tuple[str | None, ...]
    is_binary: bool = False


class ClipFiles(NamedTuple):
    """A clip to validate.

    Attributes:
        subset (str): Its subset.
        clip_id (str): Its name.
        split (str): Its split.
        frames (tuple[str, ...]): The files of its frames, each once.
        labels (tuple[LabelFiles, ...]): One or two kinds of labels.
        sound (str): The sound file.
        num_seconds (int): T, of which a sound of T seconds is expected.
        num_classes (int): Number of classes, including the background.
        row (int): Line in the table, from 1; 0 if unknown.
        folder (str): Folder of AVSBench's layout, whose other files are
            reported, too; empty if the layout is unknown.
    """

    subset: str
    clip_id: str
    split: str
    frames: tuple[str, ...]
    labels: tuple[LabelFiles, ...]
    sound: str
    num_seconds: int
    num_classes: int = len(AVSBENCH_CLASSES)
    row: int = 0
    folder: str = ''

    @property
    def name(self) -> str:
        """``'subset/clip_id'``."""
        return f'{self.subset}/{self.clip_id}'


def files_of_row(root: str, row: Mapping[str, str], line: int) -> ClipFiles:
    """List the files of a row of AVSBench's table.

    Args:
        root (str): Root of the data set.
        row (Mapping[str, str]): ``uid``, ``split`` and ``label``.
        line (int): Its line in the table.

    Returns:
        ClipFiles: With those label folders that exist, or else
        ``labels_rgb``. A v1s training clip has a label for frame 0 only.
    """
    subset, split = row['label'], row['split']
    folder = Path(root, subset, row['uid'])
    num_frames = NUM_FRAMES[subset]
    only_first = subset == 'v1s' and split == 'train'
    names = [name for name in LABEL_FOLDERS if (folder / name).is_dir()]
    labels = tuple(
        LabelFiles(
            holds_ids=name == 'labels_semantic',
            paths=tuple(
                None if only_first and t else str(folder / name / f'{t}.png')
                for t in range(num_frames)
            ),
        )
        for name in names or LABEL_FOLDERS[:1]
    )
    return ClipFiles(
        subset=subset,
        clip_id=row['uid'],
        split=split,
        frames=tuple(
            str(folder / 'frames' / f'{t}.jpg') for t in range(num_frames)
        ),
        labels=labels,
        sound=str(folder / 'audio.wav'),
        num_seconds=num_frames,
        row=line,
        folder=str(folder),
    )


def files_of_entry(clip: Mapping, num_classes: int) -> ClipFiles:
    """List the files of an entry of a ``BaseClipDataset``.

    Args:
        clip (Mapping): The entry.
        num_classes (int): Number of classes of the label files.

    Returns:
        ClipFiles: Its files. A frame that the entry repeats is listed once.
    """
    first = {
        path: t for t, path in reversed(list(enumerate(clip['frame_paths'])))
    }
    kept = sorted(first.values())
    labels = LabelFiles(
        holds_ids=clip.get('label_folder') == 'labels_semantic',
        paths=tuple(clip['mask_paths'][t] for t in kept),
        is_binary=clip.get('labels') == 'binary',
    )
    return ClipFiles(
        subset=clip['subset'],
        clip_id=clip['clip_id'],
        split=clip['split'],
        frames=tuple(clip['frame_paths'][t] for t in kept),
        labels=(labels,),
        sound=clip['audio_path'],
        # A frame of VPO has 3 s of sound.
        num_seconds=clip.get('num_seconds', clip['num_frames']),
        num_classes=num_classes,
    )
