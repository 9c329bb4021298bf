"""Detect clips of the same name that come from different data sets."""

from __future__ import annotations

from collections.abc import Mapping

from mmavs.fingerprint import hash_excerpt


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


def check_identity(clip: Mapping, entry: Mapping, where: str) -> None:
    """Check that masks were predicted for a clip's frames and sound.

    Args:
        clip (Mapping): As for :func:`identify_clip`.
        entry (Mapping): Result of :func:`identify_clip` when the masks were
            written.
        where (str): Names the masks in errors.

    Raises:
        FileNotFoundError: If frame 0 or the sound is missing.
        ValueError: If frame 0 or the sound differs.
    """
    found = identify_clip(clip)
    if entry['sound_from'] not in ('own', found['sound_from']):
        raise ValueError(
            "masks were predicted from another clip's sound (sound_from="
            f'{entry["sound_from"]!r}, --swap-sound), expected the '
            f"clip's own in {where}"
        )
    keys = {'frame_hash': clip['frame_paths'][0]}
    # A sound swap in stage two only is allowed; the hashes then differ.
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
