"""What every report states about the machine and the run."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import torch

_CPU_INFO = Path('/proc/cpuinfo')
#: Flags of /proc/cpuinfo that matter for the speed of networks.
_FLAGS = ('avx2', 'avx512f', 'avx512_bf16', 'amx_bf16', 'avx512_fp16')


def describe_machine() -> dict[str, Any]:
    """Return the facts on which measured times depend.

    Returns:
        dict[str, Any]: ``cpu`` (name and the instructions for fast
        arithmetic), ``cores`` (of the machine), ``threads`` and ``torch``
        (version) of this process, and ``load_average`` of the last minute.
    """
    return dict(
        cpu=cpu_name(),
        cores=os.cpu_count(),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        load_average=os.getloadavg()[0],
    )


def cpu_name() -> str:
    """Return name and instructions, such as 'AMD EPYC (avx2, avx512f)'."""
    if not _CPU_INFO.exists():
        return platform.processor() or platform.machine()
    facts: dict[str, str] = {}
    for line in _CPU_INFO.read_text('utf-8').splitlines():
        key, _, value = line.partition(':')
        facts.setdefault(key.strip(), value.strip())
    flags = set(facts.get('flags', '').split())
    name = facts.get('model name', platform.machine())
    return f'{name} ({", ".join(flag for flag in _FLAGS if flag in flags)})'
