"""Learning rates of the parts of a model."""

from .late_backbone import LateBackboneOptimWrapperConstructor
from .two_stage_warmup import TwoStageWarmupPolyLR

__all__ = ['LateBackboneOptimWrapperConstructor', 'TwoStageWarmupPolyLR']
