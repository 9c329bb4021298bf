"""Reduced precision and compilation of a trained model."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Literal, get_args

import torch
from mmengine.logging import print_log
from torch import nn

from mmavs.models import AVSegmentor

Precision = Literal['float32', 'bfloat16', 'float16']
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

#: Flags of Linux's /proc/cpuinfo, one of which makes a type fast.
_FAST_FLAGS = {
    'bfloat16': {'avx512_bf16', 'amx_bf16'},
    'float16': {'avx512_fp16', 'amx_fp16'},
}
_CPU_INFO = Path('/proc/cpuinfo')


def add_speed_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of tools that run a trained model.

    Args:
        parser (argparse.ArgumentParser): Gets ``--precision`` and
            ``--compile``.
    """
    parser.add_argument(
        '--precision',
        choices=PRECISIONS,
        default='float32',
        help='type of matrix products, convolutions and attention; reduced '
        'precision changes a few pixels '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--compile',
        action='store_true',
        help='compile backbones and decode head with torch.compile: minutes '
        'at the first clip, and again for each new number of frames',
    )


def speed_up(
    model: nn.Module,
    precision: Precision = 'float32',
    *,
    compiled: bool = False,
) -> None:
    """Let a trained model compute its predictions faster, in place.

    Weights and the state dict stay in float32. Losses do not change.

    Args:
        model (nn.Module): An :class:`AVSegmentor`, in evaluation mode and on
            its device.
        precision (Precision): Type for autocast; 'float32' turns it off.
        compiled (bool): Compile the backbones and the decode head with
            ``torch.compile``. They are compiled at the first call.

    Raises:
        ValueError: If the precision is unknown, or the model is no
            :class:`AVSegmentor`.
    """
    check_precision(precision)
    if precision == 'float32' and not compiled:
        return
    if not isinstance(model, AVSegmentor):
        raise ValueError(
            'precision and compile need a model of type AVSegmentor or '
            f'derived from it, got {type(model).__name__}'
        )
    if precision != 'float32':
        if next(model.parameters()).device.type == 'cpu':
            warn_if_slow_on_cpu(precision)
        model.autocast_dtype = getattr(torch, precision)
    if compiled:
        for part in model.compilable_parts():
            part.compile(dynamic=False)


def check_precision(precision: str) -> None:
    """Check the name of a precision.

    Args:
        precision (str): The name.

    Raises:
        ValueError: If it is unknown.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f'precision must be one of {PRECISIONS}, got {precision!r}'
        )


def warn_if_slow_on_cpu(precision: Literal['bfloat16', 'float16']) -> None:
    """Log a warning if this machine's CPU only emulates a type.

    Args:
        precision (Literal['bfloat16', 'float16']): The type.
    """
    if not is_fast_on_cpu(precision):
        print_log(
            f'This CPU has no instructions for {precision} '
            f'({" or ".join(sorted(_FAST_FLAGS[precision]))}): the model '
            'will be slower than with float32.',
            logger='current',
            level=logging.WARNING,
        )


def is_fast_on_cpu(precision: Literal['bfloat16', 'float16']) -> bool:
    """Return whether this machine's CPU computes with a type directly.

    Args:
        precision (Literal['bfloat16', 'float16']): The type.

    Returns:
        bool: False also where the system does not list the CPU's
        instructions (Linux does).
    """
    if not _CPU_INFO.exists():
        return False
    lines = _CPU_INFO.read_text(encoding='utf-8').splitlines()
    flags = next((line for line in lines if line.startswith('flags')), '')
    return not _FAST_FLAGS[precision].isdisjoint(flags.split())
