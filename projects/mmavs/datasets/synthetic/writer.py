"""Write synthetic clips in the layout of AVSBench-semantic."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from PIL import Image
from rich.progress import track

from mmavs.atomic_file import atomic_path, write_json

from ..avsbench import NUM_FRAMES, SPLITS, SUBSETS
from ..clip_identity import FACTS_FILE
from ..metainfo import AVSBENCH_CLASSES, AVSBENCH_PALETTE
from .blind import FrameFacts, blind_miou
from .classes import SyntheticClass, choose_classes
from .sampling import check_options, sample_scene
from .scene import SECOND, Scene
from .timbres import SAMPLE_RATE

#: AVSBench's columns, and ``visible``: the classes of all objects, also of
#: those that never sound, for off-screen sounds.
_HEADER = (
    'vid', 'uid', 's_min', 's_sec', 'a_obj', 'split', 'label', 'visible',
)  # fmt: skip
#: Version; increase it when the same arguments give different files.
_GENERATOR = 2
_LABELS = 'label2idx.json'
_MIN_SIZE = 32


class ClipPlan(NamedTuple):
    """Identity of a clip to write; with the data set's seed, it seeds it."""

    subset: str
    split: str
    number: int

    @property
    def uid(self) -> str:
        """Folder name, with a suffix like that of real clips."""
        ending = {'v1s': '0_5000', 'v1m': '0', 'v2': '0_10000'}[self.subset]
        return f'synthetic-{self.split}-{self.number:05d}_{ending}'

    def rng(self, seed: int) -> np.random.Generator:
        """Create the clip's random generator, independent of other clips."""
        place = SUBSETS.index(self.subset), SPLITS.index(self.split)
        return np.random.default_rng([seed, *place, self.number])


def write_dataset(
    root: str | Path,
    num_clips: Mapping[str, int],
    *,
    subsets: Sequence[str] = ('v1s', 'v1m'),
    num_classes: int = 6,
    fine_grained: bool = False,
    long_tail: float = 0.0,
    correspondence: str = 'none',
    size: int = 112,
    seed: int = 0,
) -> dict:
    """Write a data set that :class:`AVSBenchDataset` reads.

    The table is written last, so a data set with a table is complete. A
    complete data set that was written with the same arguments is kept.

    Args:
        root (str | Path): Folder to write to.
        num_clips (Mapping[str, int]): Split -> clips of each subset.
        subsets (Sequence[str]): Which of v1s, v1m and v2 to write.
        num_classes (int): Number of classes that occur, 3 to 14, or 3 to 64
            if they are fine-grained.
        fine_grained (bool): Use many classes that share eight timbres and
            hues and differ in outline and texture.
        long_tail (float): 0, or the exponent with which classes get rarer,
            see :func:`~mmavs.datasets.synthetic.sampling.sample_scene`.
        correspondence (str): ``'none'``, or ``'brightness'``: loudness
            follows brightness, see the same function.
        size (int): Side of the frames in pixels.
        seed (int): The same seed gives the same files.

    Returns:
        dict: The content of ``facts.json``: ``arguments``;
        ``sound_blind_miou``, subset -> split -> the highest mIoU in [0, 1]
        without sound; ``sound_blind_strategies``, subset -> split -> the
        result of :func:`mmavs.datasets.synthetic.blind.blind_miou`, whose
        maximum ``sound_blind_miou`` is.

    Raises:
        FileExistsError: If ``root`` contains another data set, or a file of
            another origin that would be replaced.
        ValueError: If an argument is out of range.
    """
    root = Path(root)
    classes = choose_classes(num_classes, fine_grained=fine_grained)
    options: dict[str, Any] = dict(
        long_tail=long_tail, correspondence=correspondence
    )
    _check_arguments(num_clips, subsets, size)
    check_options(long_tail, correspondence)
    arguments = dict(
        generator=_GENERATOR,
        num_clips=dict(num_clips),
        subsets=list(subsets),
        num_classes=num_classes,
        size=size,
        seed=seed,
        **_changed(fine_grained=fine_grained, **options),
    )
    if root.is_file():
        raise ValueError(
            f'{root}: expected a folder for the data set, got a file; choose '
            'another name.'
        )
    if (root / 'metadata.csv').exists():
        return _facts_of_same(root, arguments)
    _check_own(root)
    plans = [
        ClipPlan(subset, split, number)
        for subset in subsets
        for split, count in num_clips.items()
        for number in range(count)
    ]
    rows = []
    frames: dict[str, dict[str, list[FrameFacts]]] = {}
    for plan in track(plans, f'Writing {len(plans)} clips'):
        scene, found = _write_clip(root, plan, classes, size, seed, options)
        of_subset = frames.setdefault(plan.subset, {})
        of_subset.setdefault(plan.split, []).extend(found)
        rows.append(_table_row(plan, scene))
    facts = dict(arguments=arguments, **_bounds(frames))
    _write_tables(root, facts, rows)
    return facts


def _facts_of_same(root: Path, arguments: dict) -> dict:
    """Read the facts of a complete data set; check its arguments."""
    path = root / FACTS_FILE
    facts = json.loads(path.read_text()) if path.exists() else {}
    if facts.get('arguments') != arguments:
        raise FileExistsError(
            f'{root} holds a data set already, expected one made with '
            f'{arguments}, got {facts.get("arguments")}; choose another '
            'folder or remove it.'
        )
    return facts


def _class_ids() -> dict[str, int]:
    return {name: i for i, name in enumerate(AVSBENCH_CLASSES, start=1)}


def _check_own(root: Path) -> None:
    """Raise FileExistsError if a file to replace was not written by mmavs."""
    for name in (FACTS_FILE, _LABELS):
        path = root / name
        if not path.exists():
            continue
        try:
            content = json.loads(path.read_bytes())
        except ValueError:
            content = None
        is_own = content == _class_ids() or (
            name == FACTS_FILE
            and isinstance(content, dict)
            and 'generator' in content.get('arguments', ())
        )
        if not is_own:
            raise FileExistsError(
                f'{path}: expected no file, or one of an interrupted run, got '
                'a file of another origin; choose another folder.'
            )


def _bounds(frames: Mapping[str, Mapping[str, list[FrameFacts]]]) -> dict:
    """Score the sound-blind strategies on every split."""
    strategies = {
        subset: {
            split: blind_miou(items, subset) for split, items in splits.items()
        }
        for subset, splits in frames.items()
    }
    best = {
        subset: {
            split: max(scores.values()) for split, scores in splits.items()
        }
        for subset, splits in strategies.items()
    }
    return dict(sound_blind_miou=best, sound_blind_strategies=strategies)


def _write_tables(root: Path, facts: dict, rows: Sequence[Sequence]) -> None:
    """Write all files that are not in clip folders, the table last."""
    write_json(root / _LABELS, _class_ids())
    write_json(root / FACTS_FILE, facts)
    with (
        atomic_path(root / 'metadata.csv') as path,
        path.open('w', newline='') as file,
    ):
        csv.writer(file, lineterminator='\n').writerows([_HEADER, *rows])


def _check_arguments(
    num_clips: Mapping[str, int], subsets: Sequence[str], size: int
) -> None:
    for name, values, known in (
        ('subsets', subsets, SUBSETS),
        ('splits', num_clips, SPLITS),
    ):
        if not values or not set(values) <= set(known):
            raise ValueError(
                f'{name} must be some of {known}, got {list(values)}'
            )
    if min(num_clips.values()) < 0 or not sum(num_clips.values()):
        raise ValueError(
            'the numbers of clips must not be negative, nor all 0, got '
            f'{dict(num_clips)}'
        )
    if size < _MIN_SIZE:
        raise ValueError(f'size must be at least {_MIN_SIZE}, got {size}')


def _changed(
    *, fine_grained: bool, long_tail: float, correspondence: str
) -> dict[str, Any]:
    """Return the options that are not at their default.

    Data sets of versions without these options then keep their arguments.
    """
    options = dict(
        fine_grained=(fine_grained, False),
        long_tail=(long_tail, 0),
        correspondence=(correspondence, 'none'),
    )
    return {
        name: value
        for name, (value, default) in options.items()
        if value != default
    }


def _write_clip(
    root: Path,
    plan: ClipPlan,
    classes: Sequence[SyntheticClass],
    size: int,
    seed: int,
    options: Mapping[str, Any],
) -> tuple[Scene, list[FrameFacts]]:
    """Write the files of a clip."""
    rng = plan.rng(seed)
    num_frames = NUM_FRAMES[plan.subset]
    scene = sample_scene(
        rng,
        subset=plan.subset,
        num_seconds=num_frames,
        size=size,
        classes=classes,
        **options,
    )
    folder = root / plan.subset / plan.uid
    for name in ('frames', 'labels_rgb', 'labels_semantic'):
        (folder / name).mkdir(parents=True, exist_ok=True)
    facts = [_write_frame(folder, scene, t) for t in range(num_frames)]
    # Real clips last 5.02 s and 10 s.
    sound = scene.sound(rng, 10.0 if num_frames == 10 else num_frames + 0.02)
    soundfile.write(folder / 'audio.wav', sound, SAMPLE_RATE)
    return scene, facts


def _write_frame(folder: Path, scene: Scene, t: int) -> FrameFacts:
    """Write the frame at the middle of second t, and its labels."""
    frame, owner = scene.frame((t + 0.5) * SECOND)
    sounding = np.array([item.sounding[t] for item in scene.objects])
    shown = [item.kind.class_id for item in scene.objects] * sounding
    ids = np.r_[0, shown][owner].astype(np.uint8)
    Image.fromarray(frame).save(folder / f'frames/{t}.jpg', quality=95)
    for name, picture in (
        ('labels_rgb', AVSBENCH_PALETTE[ids]),
        ('labels_semantic', ids),
    ):
        path = folder / name / f'{t}.png'
        Image.fromarray(picture).save(path, compress_level=1)
    areas = np.bincount(owner.ravel(), minlength=len(scene.objects) + 1)[1:]
    return FrameFacts(areas, sounding, owner.size)


def _table_row(plan: ClipPlan, scene: Scene) -> list:
    """Make the row of ``metadata.csv``."""
    kinds = {item.kind.name: item.sounding.any() for item in scene.objects}
    visible = sorted(kinds)
    vid = plan.uid.split('_')[0]
    sources = '_'.join(name for name in visible if kinds[name])
    place = [plan.split, plan.subset]
    return [vid, plan.uid, 0, 0, sources, *place, '_'.join(visible)]
