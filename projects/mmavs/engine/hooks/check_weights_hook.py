"""Check the weights that a run starts from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import PretrainedInit
from mmengine.runner import BaseLoop, CheckpointLoader, Runner
from mmseg.registry import HOOKS
from torch import nn

from mmavs.checkpoint_weights import check_finite, count_fitting, get_weights

from ..model_wrapping import unwrap_model

_OPTION = 'default_hooks.check_weights.min_share=0'
#: Tensors per module that are compared after initialisation.
_NUM_PICKED = 3


@HOOKS.register_module()
class CheckWeightsHook(Hook):
    """Check that weights are finite and match the model before training.

    mmengine only warns about missing and superfluous weights in ``load_from``
    and in an ``init_cfg`` of type ``Pretrained``, and trains from scratch if
    none matches. This hook logs how many tensors have the same name and shape
    in the file: for ``load_from`` in every component of the model
    (``backbone``, ``decode_head``, ...), for ``init_cfg`` in the module that
    has it.

    ``load_from`` need not contain a component that loads its own file: one
    with such an ``init_cfg`` or with a true attribute ``has_own_weights``.
    An ``init_cfg`` with a ``prefix`` selects a part of a file, which may match
    only a part of the module: the fraction is computed of the smaller one.
    Modules of other packages whose ``init_weights`` renames tensors are not
    checked.

    A class may override ``init_weights`` without reading the ``init_cfg``, as
    mmdet's ``Mask2FormerHead`` does. So the hook also checks, before the first
    step, that the values of the file have arrived.

    Args:
        min_share (float): Fraction of the tensors that a file must contain,
            0 to 1. At least one tensor must match unless it is 0, which
            allows any file.

    Raises:
        ValueError: If ``min_share`` is out of range; before training, if a
            file has values that are not finite, too few tensors match, or a
            module has not read the file of its ``init_cfg``.
        FileNotFoundError: Before training, if the file of an ``init_cfg`` is
            missing.
    """

    def __init__(self, min_share: float = 0.5) -> None:
        if not 0 <= min_share <= 1:
            raise ValueError(f'min_share must be 0 to 1, got {min_share}')
        self.min_share = min_share
        # By the path of a module: some tensors that it must read.
        self._expected: dict[str, dict[str, torch.Tensor]] = {}
        # Names of tensors that a whole checkpoint replaces.
        self._replaced: set[str] = set()

    def before_run(self, runner: Runner) -> None:
        """Check the files from which mmengine is about to initialise.

        Args:
            runner (Runner): The runner. Only training reads these files.
        """
        if not isinstance(runner._train_loop, BaseLoop):
            return
        self._expected.clear()
        self._replaced.clear()
        for name, module in unwrap_model(runner).named_modules():
            for init_cfg in _pretrained(module):
                self._check_init_cfg(runner, name, module, init_cfg)

    def _check_init_cfg(
        self,
        runner: Runner,
        name: str,
        module: nn.Module,
        init_cfg: Mapping[str, Any],
    ) -> None:
        path = init_cfg['checkpoint']
        key = '.'.join(filter(None, ('model', name, 'init_cfg')))
        if '://' not in path and not Path(path).expanduser().is_file():
            raise FileNotFoundError(
                f'{key}: there is no checkpoint at {path!r}. Convert or copy '
                f'one to this place, or add --cfg-options {key}.checkpoint='
                f'FILE; {key}=None starts from random weights'
            )
        content = CheckpointLoader.load_checkpoint(path, map_location='cpu')
        weights = get_weights(content)
        check_finite(weights, str(path))
        if _renames(module):
            return
        prefix = init_cfg.get('prefix')
        if prefix:
            weights = _strip(weights, prefix)
        elif hasattr(module, 'convert_weights'):
            # mmdet's Swin accepts the names of a detector.
            weights = _strip(weights, 'backbone') or weights
        counts = count_fitting(module, weights).values()
        fitting = sum(count for count, _ in counts)
        total = sum(count for _, count in counts)
        text = f'{fitting} of {total} tensors of {name or "model"} are in'
        runner.logger.info(f'{key}: {text} {path}')
        # A file of an outer module, which came before, replaces this one's.
        if not any(_is_inside(name, outer) for outer in self._expected):
            self._expected[name] = _pick_changed(module, weights)
        needed = min(total, len(weights)) if prefix else total
        if fitting < self.min_share * needed or (
            fitting == 0 and self.min_share > 0
        ):
            raise ValueError(
                f'{key}.checkpoint={path!r} does not fit: {text} the file, '
                f'expected at least {self.min_share:.0%}. Give the file of '
                'this module (tools/model_converters writes it), or allow '
                'the rest to start from random weights with --cfg-options '
                f'{_OPTION}'
            )

    def before_train(self, runner: Runner) -> None:
        """Check that every module has read the file of its ``init_cfg``.

        Args:
            runner (Runner): The runner.
        """
        model = unwrap_model(runner)
        state = model.state_dict()
        for name, expected in self._expected.items():
            named = {
                '.'.join(filter(None, (name, key))): value
                for key, value in expected.items()
            }
            kept = named.keys() - self._replaced
            if kept and not any(
                torch.equal(state[key].cpu(), named[key]) for key in kept
            ):
                kind = type(model.get_submodule(name)).__name__
                place = '.'.join(filter(None, ('model', name)))
                raise ValueError(
                    f'{place}.init_cfg: {kind}.init_weights did not read its '
                    'checkpoint, so the training would start from random '
                    'weights. Set init_cfg=None there, and load_from=FILE '
                    'with a checkpoint of the whole model.'
                )
        self._expected.clear()

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Check a checkpoint before its weights are used.

        Args:
            runner (Runner): The runner.
            checkpoint (dict[str, Any]): The whole checkpoint.
        """
        path = str(
            runner._load_from
            or getattr(runner, 'checkpoint_path', None)
            or 'the checkpoint'
        )
        weights = get_weights(checkpoint)
        self._replaced.update(weights)
        check_finite(weights, path)
        if runner._load_from is None or runner._resume:
            return
        model = unwrap_model(runner)
        counts = count_fitting(model, weights)
        for name, (fitting, total) in counts.items():
            runner.logger.info(
                f'load_from: {fitting} of {total} tensors of {name} are in '
                f'{path}'
            )
        lacking = [
            f'{name} ({fitting} of {total})'
            for name, (fitting, total) in counts.items()
            if fitting < self.min_share * total
            and not _has_own_weights(getattr(model, name))
        ]
        if lacking:
            raise ValueError(
                f'load_from={path!r} fits too little of {", ".join(lacking)}: '
                f'expected at least {self.min_share:.0%} of the tensors of '
                'every component. Give a checkpoint of the same system, or '
                'allow the rest to start from scratch with --cfg-options '
                f'{_OPTION}'
            )


def _pretrained(module: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the parts of a module's ``init_cfg`` that read a file."""
    init_cfg = getattr(module, 'init_cfg', None) or []
    for part in [init_cfg] if isinstance(init_cfg, Mapping) else init_cfg:
        if part.get('type') in ('Pretrained', PretrainedInit):
            yield part


def _is_inside(name: str, outer: str) -> bool:
    """Return whether a path of a module is below another one."""
    return outer != name and (outer == '' or name.startswith(f'{outer}.'))


def _pick_changed(
    module: nn.Module, weights: Mapping[str, Any]
) -> dict[str, torch.Tensor]:
    """Pick up to three tensors of a file that differ from the module's."""
    picked: dict[str, torch.Tensor] = {}
    for name, value in module.state_dict().items():
        found = weights.get(name)
        if (
            isinstance(found, torch.Tensor)
            and found.shape == value.shape
            and not torch.equal(found.to(value), value)
        ):
            picked[name] = found.to(value.dtype)
        if len(picked) == _NUM_PICKED:
            break
    return picked


def _has_own_weights(component: Any) -> bool:
    return getattr(component, 'has_own_weights', False) or any(
        True for _ in _pretrained(component)
    )


def _renames(module: nn.Module) -> bool:
    """Return whether the file's names may differ from the module's."""
    if hasattr(module, 'convert_weights'):
        return bool(module.convert_weights)
    owners = [
        cls for cls in type(module).__mro__ if 'init_weights' in vars(cls)
    ]
    return bool(owners) and owners[0].__module__.partition('.')[0] in (
        'mmdet',
        'mmseg',
    )


def _strip(weights: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Keep the tensors whose names have a prefix, and remove the prefix."""
    start = re.escape(prefix.rstrip('.') + '.')
    return {
        re.sub(f'^{start}', '', name): value
        for name, value in weights.items()
        if re.match(start, name)
    }
