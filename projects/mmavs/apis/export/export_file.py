"""Write a trained network as ONNX or as a program of ``torch.export``."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from ...atomic_file import atomic_path
from ...config_file import check_entries
from ...datasets import build_unread
from ...fingerprint import hash_file
from ...models import AVSegmentor
from ..flops import random_inputs
from ..model_loading import load_model
from .attention_masks import MaskFlips, given_masks, total
from .backends import import_backend, open_session, run_onnx
from .facts import ExportFacts, segmenting_parts
from .network import ExportableNetwork, clip_logits

#: Maps the inputs of a clip by name to its logits.
_Run = Callable[[dict[str, Tensor]], Tensor]
ExportFormat = Literal['onnx', 'torch_export']

#: Of the bool tensors of the graph that are attention masks.
_MASK_NAME = 'attention_mask_{}'
#: Largest difference of logits that is not an error, unless another is given.
TOLERANCE = 1e-3
#: The first opset with layer normalisation; GridSample is in 16.
_OPSET = 17


def export_network(
    config: Config,
    checkpoint: str | Path,
    out: str | Path,
    *,
    kind: ExportFormat = 'onnx',
    size: tuple[int, int] | None = None,
    num_frames: int | None = None,
    tolerance: float = TOLERANCE,
) -> tuple[ExportFacts, ExportAgreement]:
    """Export a trained network and compare it with PyTorch.

    The file maps normalised frames and the input of the audio backbone of one
    clip, what the data preprocessor returns, to logits. Number and size of
    the frames are fixed. The comparison uses another clip than the one from
    which the graph was traced. If the logits of a network with hard attention
    masks (AAVS) differ by more than ``tolerance``, PyTorch computes them once
    more with the attention masks of the exported network, see
    :class:`ExportAgreement`.

    Args:
        config (Config): Config of the model.
        checkpoint (str | Path): Its weights.
        out (str | Path): File to write, atomically.
        kind (ExportFormat): ``'onnx'`` or ``'torch_export'``.
        size (tuple[int, int] | None): (H, W) of the frames. Defaults to None,
            that of the test pipeline.
        num_frames (int | None): T. Defaults to None, the frames of a clip of
            the test data set; ``pad_clips_to`` of the data preprocessor if
            the head uses padded frames.
        tolerance (float): Largest difference of a logit that is accepted.

    Returns:
        tuple[ExportFacts, ExportAgreement]: What the file says, and how its
        logits agree with PyTorch's.

    Raises:
        FileNotFoundError: If the checkpoint is missing.
        ImportError: If a package of the format is missing.
        ValueError: If the model cannot be exported, or its exported logits
            differ by more than ``tolerance``; no file is left.
    """
    check_entries(config, 'model', 'test_dataloader')
    if kind == 'onnx':
        for name in ('onnx', 'onnxruntime'):
            import_backend(name, extra='onnxruntime')
    init_default_scope(config.get('default_scope', 'mmseg'))
    config = _resized(config, size)
    dataset = build_unread(config.test_dataloader.dataset)
    model = load_model(config, checkpoint, 'cpu').requires_grad_(False)
    if not isinstance(model, AVSegmentor):
        raise ValueError(
            'expected a model of type AVSegmentor or derived from it, got '
            f'{type(model).__name__}.'
        )
    padded = _num_padded(model)
    num_frames = num_frames or padded or dataset.usual_num_frames
    if padded not in (None, num_frames):
        raise ValueError(
            f'{type(model.decode_head).__name__} uses padded frames, and the '
            f'data preprocessor pads clips to {padded}: expected --num-frames '
            f'{padded}, got {num_frames}.'
        )
    traced = _random_clip(config, num_frames, seed=0)
    with torch.no_grad():
        network = ExportableNetwork(copy.deepcopy(model), list(traced)).eval()
        network(*traced.values())  # fills caches, which cannot be traced
        facts = ExportFacts(
            config=segmenting_parts(config),
            shapes={name: list(rows.shape) for name, rows in traced.items()},
            classes=list(dataset.metainfo['classes']),
            align_corners=model.align_corners,
            checkpoint=hash_file(checkpoint),
        )
        with atomic_path(out) as part:
            write = _write_onnx if kind == 'onnx' else _write_program
            run = write(network, traced, facts, part)
            clip = _random_clip(config, num_frames, seed=1)
            found = run(clip)
            agreement = ExportAgreement(
                _largest(found - clip_logits(model, clip))
            )
            if not agreement.is_within(tolerance) and network.num_masks:
                agreement = _compare_with_masks(
                    agreement, model, part, clip, found, network.num_masks
                )
            if not agreement.is_within(tolerance):
                raise ValueError(
                    f'{out}: expected logits within {tolerance:g} of those of '
                    f'PyTorch, got a {agreement}, so no file was written; a '
                    'module of the model may compute something outside of '
                    'PyTorch, which is traced as a constant. If you accept '
                    'the difference, give --tolerance.'
                )
    return facts, agreement


class ExportAgreement(NamedTuple):
    """How the logits of an exported network agree with those of PyTorch.

    Attributes:
        difference (float): Largest absolute difference of a logit.
        with_masks (float | None): The same if PyTorch takes the attention
            masks of the exported network; None if this was not computed.
        flips (MaskFlips | None): Pixels of these masks that PyTorch would
            set otherwise.
    """

    difference: float
    with_masks: float | None = None
    flips: MaskFlips | None = None

    def is_within(self, tolerance: float) -> bool:
        """Check that all logits agree.

        A mask logit that has another sign in the other runtime agrees within
        the tolerance only if it is that close to zero.

        Args:
            tolerance (float): Largest difference of a logit, also of the mask
                logits of pixels that are blocked in one runtime only.

        Returns:
            bool: Whether the logits, or those with equal attention masks,
            agree. False if one is NaN.
        """
        if self.difference <= tolerance:
            return True
        return (
            self.with_masks is not None
            and self.flips is not None
            and self.with_masks <= tolerance
            and self.flips.largest <= tolerance
        )

    def __str__(self) -> str:
        text = f'difference of {self.difference:.2g}'
        if self.with_masks is None or self.flips is None:
            return text
        flipped, pixels, largest = self.flips
        return (
            f'{text}; with equal attention masks {self.with_masks:.2g}, where '
            f'{flipped} of {pixels} mask pixels differ, whose mask logits are '
            f'at most {largest:.2g} from the threshold'
        )


def _compare_with_masks(
    agreement: ExportAgreement,
    model: AVSegmentor,
    path: Path,
    clip: dict[str, Tensor],
    found: Tensor,
    num_masks: int,
) -> ExportAgreement:
    """Compare with PyTorch, given the attention masks of the ONNX file."""
    names = [_MASK_NAME.format(index) for index in range(num_masks)]
    arrays = {name: rows.numpy() for name, rows in clip.items()}
    masks = run_onnx(path, arrays, names)[1:]
    with given_masks(model, [torch.from_numpy(m) for m in masks]) as flips:
        logits = clip_logits(model, clip)
    return agreement._replace(
        with_masks=_largest(found - logits), flips=total(flips)
    )


def _largest(gap: Tensor) -> float:
    return gap.abs().max().item()


def _num_padded(model: AVSegmentor) -> int | None:
    """T after padding, if the head uses padded frames."""
    if not getattr(model.decode_head, 'needs_padding', False):
        return None
    return model.data_preprocessor.pad_clips_to


def _resized(config: Config, size: tuple[int, int] | None) -> Config:
    """Copy a config and set the frame size of its test pipeline."""
    config = copy.deepcopy(config)
    if size is None:
        return config
    steps = config.test_dataloader.dataset.pipeline
    sized = [step for step in steps if 'frame_size' in step]
    if not sized:
        raise ValueError(
            f'--size {size[0]} {size[1]}: no transform of the test pipeline '
            f'of {config.filename} has a frame_size; leave out --size.'
        )
    for step in sized:
        step['frame_size'] = tuple(size)
    return config


def _random_clip(
    config: Config, num_frames: int, seed: int
) -> dict[str, Tensor]:
    """Inputs of one clip by name, different for each seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inputs = random_inputs(config, num_frames)
        del inputs['num_frames']
        sound = inputs['audio']
        inputs['audio'] = sound + sound.std() * torch.randn_like(sound)
        if 'mask_prior' in inputs:
            draws = torch.rand_like(inputs['mask_prior'])
            inputs['mask_prior'] = (draws > 0.5).float()
    return inputs


def _write_onnx(
    network: ExportableNetwork,
    traced: dict[str, Tensor],
    facts: ExportFacts,
    path: Path,
) -> _Run:
    """Write ONNX; return what computes it with ONNX Runtime."""
    onnx = import_backend('onnx')
    masks = [_MASK_NAME.format(i) for i in range(network.num_masks)]
    with warnings.catch_warnings():
        # The exporter on TorchScript: that on torch.export needs ten times
        # as long for a small network, and rejects the shapes that mmdet's
        # pixel decoder computes with tensors.
        warnings.simplefilter('ignore')
        torch.onnx.export(
            network,
            tuple(traced.values()),
            str(path),
            input_names=list(traced),
            output_names=['logits', *masks],
            opset_version=_OPSET,
            dynamo=False,
        )
    content = onnx.load(path)
    # The attention masks stay in the graph, for the comparison.
    del content.graph.output[1:]
    onnx.helper.set_model_props(content, facts.to_metadata())
    onnx.save(content, path)
    del content
    session = open_session(path, 'onnxruntime')
    return lambda clip: torch.from_numpy(
        session.run({name: rows.numpy() for name, rows in clip.items()})
    )


def _write_program(
    network: ExportableNetwork,
    traced: dict[str, Tensor],
    facts: ExportFacts,
    path: Path,
) -> _Run:
    """Write a program; return what computes the file."""
    try:
        program = torch.export.export(network, tuple(traced.values()))
    except RuntimeError as error:
        line = str(error).strip().splitlines()[0]
        raise ValueError(
            'torch.export cannot export this network; use --format onnx. It '
            f'says: {line}'
        ) from error
    torch.export.save(program, path, extra_files=facts.to_metadata())
    loaded = torch.export.load(path).module()
    return lambda clip: loaded(*clip.values())
