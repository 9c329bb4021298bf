"""Items of a data set that are single frames of its clips."""

from __future__ import annotations

from collections.abc import Sequence

#: Entries of a clip with one value per frame.
_PER_FRAME = ('frame_paths', 'mask_paths', 'mask_prior_paths')


def labelled_frames(clips: Sequence[dict]) -> list[tuple[int, int]]:
    """List the frames that have a label.

    Args:
        clips (Sequence[dict]): Entries of clips with ``mask_paths``.

    Returns:
        list[tuple[int, int]]: Position of the clip and of the frame in it.

    Raises:
        ValueError: If no frame of these clips has a label.
    """
    found = [
        (number, t)
        for number, clip in enumerate(clips)
        for t, path in enumerate(clip['mask_paths'])
        if path is not None
    ]
    if not found:
        raise ValueError(
            f"items='frames' needs frames with a label, got {len(clips)} "
            'clips without any; check load_clips(), or set '
            "items='clips'."
        )
    return found


def keep_frame(clip: dict, frame: int) -> dict:
    """Reduce the entry of a clip to one frame.

    Args:
        clip (dict): Entry of a clip of T frames.
        frame (int): 0..T-1.

    Returns:
        dict: A copy with ``num_frames`` 1, one path in each of
        ``frame_paths``, ``mask_paths`` and ``mask_prior_paths``,
        ``frame_of_clip`` = ``frame`` and ``clip_num_frames`` = T.
    """
    kept = {key: [clip[key][frame]] for key in _PER_FRAME if key in clip}
    return {
        **clip,
        **kept,
        'num_frames': 1,
        'frame_of_clip': frame,
        'clip_num_frames': clip['num_frames'],
    }
