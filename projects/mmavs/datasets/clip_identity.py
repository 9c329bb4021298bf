"""Detect clips of the same name that come from different data sets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmavs.fingerprint import hash_config, hash_excerpt

#: Written by the generator of synthetic data sets, which takes a second to
#: import.
FACTS_FILE = 'facts.json'
_ANY_SOUND = 'default_hooks.mask_prior_check.any_sound'


def is_synthetic(root: str | os.PathLike[str]) -> bool:
    """Return whether the generator of synthetic clips has written a data set.

    Args:
        root (str | os.PathLike[str]): Its root.

    Returns:
        bool: Whether the facts of synthetic clips lie there.
    """
    return Path(root, FACTS_FILE).is_file()


def identify_clip(clip: Mapping) -> dict[str, str]:
    """Identify a clip by hashes of its content, independent of its path.

    Only frame 0 is hashed: with ``unlabelled='repeat_first'`` a clip lists no
    other frame.

    Args:
        clip (Mapping): ``clip_id``, ``subset``, ``frame_paths``,
            ``audio_path`` and, unless it is 'own', ``sound_from``.

    Returns:
        dict[str, str]: ``frame_hash`` and ``sound_hash``, see
        :func:`~mmavs.fingerprint.hash_excerpt`, and ``sound_from``.

    Raises:
        FileNotFoundError: If frame 0 or the sound is missing.
    """
    return {
        'frame_hash': _hash(clip, clip['frame_paths'][0]),
        'sound_hash': _hash(clip, clip['audio_path']),
        'sound_from': clip.get('sound_from') or 'own',
    }


def identify_dataset(clips: Sequence[Mapping]) -> str:
    """Identify clips by a hash of their content, independent of their path.

    Args:
        clips (Sequence[Mapping]): As :func:`identify_clip` takes them, with
            ``mask_paths``. The order matters: it decides who gets the sound
            of the next clip.

    Returns:
        str: SHA-256 of the identities of all clips and of the last label of
        each clip.

    Raises:
        FileNotFoundError: If frame 0, the last label or the sound is missing.
    """
    entries = []
    for clip in clips:
        labels = [path for path in clip['mask_paths'] if path is not None]
        entries.append(
            dict(
                identify_clip(clip),
                subset=clip['subset'],
                clip_id=clip['clip_id'],
                num_labels=len(labels),
                label_hash=_hash(clip, labels[-1]) if labels else None,
            )
        )
    return hash_config({'clips': entries})


def check_identity(
    clip: Mapping, entry: Mapping, where: str, *, any_sound: bool = False
) -> None:
    """Check that masks were predicted for a clip's frames and sound.

    Args:
        clip (Mapping): As for :func:`identify_clip`.
        entry (Mapping): Result of :func:`identify_clip` when the masks were
            written.
        where (str): Names the masks in errors.
        any_sound (bool): Whether the masks may have been predicted from
            another sound than the clip's ``sound_from`` gives.

    Raises:
        FileNotFoundError: If frame 0 or the sound is missing.
        ValueError: If frame 0 or the sound differs.
    """
    found = identify_clip(clip)
    keys = {'frame_hash': clip['frame_paths'][0]}
    if entry['sound_from'] == found['sound_from']:
        keys['sound_hash'] = clip['audio_path']
    elif not any_sound:
        raise ValueError(
            f'masks were predicted with sound_from={entry["sound_from"]!r}, '
            f'but this run has sound_from={found["sound_from"]!r} '
            "('next_clip' is --swap-sound); use both with or both without "
            'it, or allow the difference with --cfg-options '
            f'{_ANY_SOUND}=True, in {where}'
        )
    for key, path in keys.items():
        if entry[key] != found[key]:
            raise ValueError(
                'masks were predicted for another data set, whose clip of '
                f'this name has another {path}, in {where}'
            )


def _hash(clip: Mapping, path: str) -> str:
    try:
        return hash_excerpt(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'no file {path} of clip {clip["clip_id"]!r}, subset '
            f'{clip["subset"]!r}; check data_root.'
        ) from error
