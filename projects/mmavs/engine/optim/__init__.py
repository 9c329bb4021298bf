"""Learning rates of the parts of a model, and mixed precision."""

from .bfloat16 import BFloat16OptimWrapper
from .late_backbone import LateBackboneOptimWrapperConstructor
from .two_stage_warmup import TwoStageWarmupPolyLR

__all__ = [
    'BFloat16OptimWrapper',
    'LateBackboneOptimWrapperConstructor',
    'TwoStageWarmupPolyLR',
]
