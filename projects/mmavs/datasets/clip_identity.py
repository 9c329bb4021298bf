"""Tell a clip from a clip of the same name in another data set."""

from __future__ import annotations

from collections.abc import Mapping

from mmavs.fingerprint import hash_excerpt


def identify_clip(clip: Mapping) -> dict[str, str]:
    """Describe the data of a clip by its content; the data set may move.

    Frame 0 stands for all frames: with ``unlabelled='repeat_first'`` a clip
    lists no other.

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


def check_identity(clip: Mapping, entry: Mapping, where: str) -> None:
    """Refuse masks of other frames or of another clip's sound.

    Args:
        clip (Mapping): As for :func:`identify_clip`.
        entry (Mapping): What :func:`identify_clip` gave when the masks were
            written.
        where (str): Names the masks in errors.

    Raises:
        FileNotFoundError: If frame 0 or the sound is missing.
        ValueError: If frame 0 or the sound is not the same.
    """
    found = identify_clip(clip)
    if entry['sound_from'] not in ('own', found['sound_from']):
        raise ValueError(
            "masks were predicted from another clip's sound (sound_from="
            f'{entry["sound_from"]!r}, --swap-sound), expected the '
            f"clip's own in {where}"
        )
    keys = {'frame_hash': clip['frame_paths'][0]}
    # Stage two alone may get another sound than its masks.
    if entry['sound_from'] == found['sound_from']:
        keys['sound_hash'] = clip['audio_path']
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
