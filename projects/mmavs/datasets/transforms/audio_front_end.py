"""Base class of the transforms that cut sound into one row per frame."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from mmcv.transforms import BaseTransform

from ...structures import AudioPicture, AudioSpan
from ..waveform import SoundError, Waveform


class AudioRows(NamedTuple):
    """Audio of a clip, one row for each of its T frames.

    Attributes:
        rows (np.ndarray): (T, ...) float32, input of the audio backbone.
        spans (Sequence[AudioSpan]): T pairs of seconds (start, end) that the
            rows cover. None for a row that covers no sound.
    """

    rows: np.ndarray
    spans: Sequence[AudioSpan]


class AudioFrontEnd(BaseTransform):
    """Compute one row of audio per frame from a clip's sound.

    Required keys: ``waveform``, ``num_frames``. An item of a single frame
    (``items='frames'`` of the data set) also has ``clip_num_frames`` and
    ``frame_of_clip``: the rows of the whole clip are computed, and that of
    the frame is kept.

    Added keys: the class attribute :attr:`key`, (T, ...) float32, which
    ``PackClip(audio_key=...)`` packs as ``inputs['audio']``;
    ``audio_spans``, T pairs of seconds.

    Subclasses set :attr:`key` and implement :meth:`make_rows` and
    :meth:`picture`. ``docs/add_an_audio_encoder.md`` shows an example.
    """

    #: Key of the rows in ``results``.
    key: ClassVar[str]

    @abstractmethod
    def make_rows(self, waveform: Waveform, num_frames: int) -> AudioRows:
        """Compute the rows of a clip.

        Args:
            waveform (Waveform): The clip's sound.
            num_frames (int): T.

        Returns:
            AudioRows: T rows and the seconds that they cover.

        Raises:
            ValueError: If the sound does not fit the frames. "The sound of
                clip ...: " is put before the message.
        """

    @abstractmethod
    def picture(self, rows: np.ndarray) -> AudioPicture:
        """Define how contact sheets draw the rows.

        Args:
            rows (np.ndarray): (T, ...), from :meth:`make_rows`.

        Returns:
            AudioPicture: T panels.
        """

    def transform(self, results: dict) -> dict:
        """Add the rows and the seconds that they cover.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with :attr:`key` and ``audio_spans``.

        Raises:
            ValueError: If the sound cannot be decoded or does not fit the
                frames; names the clip.
        """
        waveform: Waveform = results['waveform']
        num_frames = results.get('clip_num_frames', results['num_frames'])
        try:
            audio = self.make_rows(waveform, num_frames)
        except SoundError:  # already names the clip
            raise
        except ValueError as error:
            raise ValueError(f'{waveform.origin}: {error}.') from error
        counts = (len(audio.rows), len(audio.spans))
        if counts != (num_frames, num_frames):
            raise ValueError(
                f'{type(self).__name__}.make_rows must return a row and a '
                f'span for each of {num_frames} frames, got '
                f'{counts[0]} rows and {counts[1]} spans.'
            )
        kept = slice(None)
        if 'frame_of_clip' in results:
            kept = slice(
                results['frame_of_clip'], results['frame_of_clip'] + 1
            )
        results[self.key] = audio.rows[kept]
        results['audio_spans'] = list(audio.spans)[kept]
        return results
