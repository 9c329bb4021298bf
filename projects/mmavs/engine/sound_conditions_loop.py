"""Test a model with several sounds for every clip."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner, TestLoop
from mmengine.runner.amp import autocast
from mmseg.registry import LOOPS

from mmavs.datasets.condition_clips import ConditionClips
from mmavs.datasets.sound_conditions import ORIGINAL
from mmavs.evaluation.clip_results import ClipResults
from mmavs.fingerprint import hash_config

from .model_wrapping import unwrap_model

#: Options of metrics that write tables; one file per run.
_TABLES = ('per_clip_csv', 'per_class_csv')


@LOOPS.register_module()
class SoundConditionsLoop(TestLoop):
    """Test every clip with its own and with other sounds.

    A model with the method ``extract_visual`` (:class:`AVSegmentor`) computes
    it once per clip for all sounds. The results of every clip are kept, so
    that an interrupted run with the same arguments continues.

    Attributes:
        evaluators (dict[str, Evaluator]): By condition, ``original`` first.

    Args:
        runner (Runner): The runner.
        dataloader (dict): Config of the test data; batches are single clips.
        evaluator (dict | list): Config of the metrics. Tables of clips and
            classes are written for the clips' own sound.
        sounds (Sequence[str]): See ``mmavs.datasets.sound_conditions``.
        results_dir (str): Folder of the clips' results.
        run_hash (str): Hash of what the results depend on besides the files
            of the clips: config and checkpoint.
        share_visual (bool): False computes the visual features for every
            sound. For tests and measurements.
        fp16 (bool): See ``TestLoop``.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: dict,
        evaluator: dict | list,
        *,
        sounds: Sequence[str],
        results_dir: str,
        run_hash: str,
        share_visual: bool = True,
        fp16: bool = False,
    ) -> None:
        clips = ConditionClips(dataloader['dataset'], sounds)
        loader = dict(
            dataloader,
            dataset=clips,
            batch_size=1,
            collate_fn=_single_item,
        )
        self.evaluators = {
            sound: _build_evaluator(runner, evaluator, sound)
            for sound in (ORIGINAL, *sounds)
        }
        for one in self.evaluators.values():
            one.dataset_meta = clips.metainfo
        super().__init__(runner, loader, self.evaluators[ORIGINAL], fp16)
        # The runner copies the data set.
        self.clips: ConditionClips = self.dataloader.dataset
        self.results = ClipResults(results_dir)
        self.run_hash = run_hash
        self.share_visual = share_visual

    def run(self) -> dict[str, dict[str, float]]:
        """Test; clips whose results are kept are not predicted again.

        Returns:
            dict[str, dict[str, float]]: Figures by condition.

        Raises:
            OSError: If results cannot be written; those before are kept.
        """
        self._read_known()
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        self.runner.model.eval()
        for index, batches in enumerate(self.dataloader):
            if batches:
                self.run_iter(index, batches)
        figures = {sound: self._evaluate(sound) for sound in self.evaluators}
        self.runner.call_hook('after_test_epoch', metrics=figures[ORIGINAL])
        self.runner.call_hook('after_test')
        return figures

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Mapping[str, dict]) -> None:
        """Predict a clip with its sounds and keep what the metrics compute.

        Args:
            idx (int): Position of the clip.
            data_batch (Mapping[str, dict]): By condition, a batch of the clip.
        """
        # The frames and labels are those of every condition.
        first = next(iter(data_batch.values()))
        self.runner.call_hook(
            'before_test_iter', batch_idx=idx, data_batch=first
        )
        # nn.Module declares its attributes as tensors.
        model: Any = unwrap_model(self.runner)
        visual, outputs = None, []
        for sound, batch in data_batch.items():
            with autocast(enabled=self.fp16):
                inputs = model.data_preprocessor(batch, False)
                if self.share_visual and hasattr(model, 'extract_visual'):
                    visual = visual or model.extract_visual(inputs['inputs'])
                    inputs['inputs']['visual'] = visual
                samples = model(**inputs, mode='predict')
            outputs.append(samples)
            self._keep(idx, sound, batch, samples)
        self.runner.call_hook(
            'after_test_iter',
            batch_idx=idx,
            data_batch=first,
            outputs=outputs[0],
        )

    def _read_known(self) -> None:
        """Read the results that an earlier run has kept."""
        self._found: dict[tuple[str, int], list[list]] = {}
        for index, keys in enumerate(self.clips.keys):
            for sound, key in keys.items():
                results = self.results.read(self._key(key))
                if results is not None:
                    self._found[sound, index] = results
                    self.clips.known.add(key)
        if self._found:
            count = sum(len(keys) for keys in self.clips.keys)
            self.runner.logger.info(
                f'{len(self._found)} of {count} predictions are known from '
                f'an earlier run: {self.results.folder}'
            )

    def _key(self, key: str) -> str:
        return hash_config(dict(run=self.run_hash, clip=key))

    def _keep(
        self, index: int, sound: str, batch: dict, samples: Sequence
    ) -> None:
        """Compute the metrics' results of a clip and write them."""
        evaluator = self.evaluators[sound]
        evaluator.process(data_samples=samples, data_batch=batch)
        results = [list(metric.results) for metric in evaluator.metrics]
        for metric in evaluator.metrics:
            metric.results.clear()
        self._found[sound, index] = results
        self.results.write(self._key(self.clips.keys[index][sound]), results)

    def _evaluate(self, sound: str) -> dict[str, float]:
        evaluator = self.evaluators[sound]
        for index, keys in enumerate(self.clips.keys):
            if sound in keys:
                kept = self._found[sound, index]
                for metric, results in zip(
                    evaluator.metrics, kept, strict=True
                ):
                    metric.results.extend(results)
        return evaluator.evaluate(self.clips.num_clips(sound))


def _build_evaluator(
    runner: Runner, evaluator: dict | list, sound: str
) -> Evaluator:
    """Build the metrics of a condition, and one of the predicted area."""
    given = [evaluator] if isinstance(evaluator, dict) else evaluator
    configs: list[dict[str, Any]] = [copy.deepcopy(dict(c)) for c in given]
    if sound != ORIGINAL:
        for config in configs:
            for name in _TABLES:
                config.pop(name, None)
    return runner.build_evaluator([*configs, dict(type='PredictedMasks')])


def _single_item(items: list[dict]) -> dict:
    (item,) = items
    return item
