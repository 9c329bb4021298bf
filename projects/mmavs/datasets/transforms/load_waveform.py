"""Read the sound file of a clip."""

from __future__ import annotations

from pathlib import Path

from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from ..log_mel import SAMPLE_RATE
from ..waveform import Waveform

_LAYOUT = '<data_root>/<subset>/<clip_id>/audio.wav'


@TRANSFORMS.register_module()
class LoadWaveform(BaseTransform):
    """Read the sound file of a clip without decoding it.

    Required keys: ``audio_path``, ``subset``, ``clip_id``.

    Added keys: ``waveform`` (:class:`Waveform`).

    Args:
        sample_rate (int): Samples per second after loading.
        mono (bool): True for the mean of the channels, as in all published
            systems; False for every channel.
    """

    def __init__(
        self, sample_rate: int = SAMPLE_RATE, mono: bool = True
    ) -> None:
        self.sample_rate = sample_rate
        self.mono = mono

    def transform(self, results: dict) -> dict:
        """Read the bytes and check the header.

        Args:
            results (dict): The clip.

        Returns:
            dict: The clip with ``waveform``.

        Raises:
            FileNotFoundError: If the file is missing.
            ValueError: If its header is not that of a sound file.
        """
        path = Path(results['audio_path'])
        clip = f'clip {results["clip_id"]!r} of subset {results["subset"]!r}'
        if not path.is_file():
            raise FileNotFoundError(
                f'The sound of {clip} is missing: {path}; expected layout: '
                f'{_LAYOUT}.'
            )
        results['waveform'] = Waveform(
            path.read_bytes(),
            sample_rate=self.sample_rate,
            mono=self.mono,
            origin=f'The sound of {clip} ({path}, layout {_LAYOUT})',
        )
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(sample_rate={self.sample_rate}, '
            f'mono={self.mono})'
        )
