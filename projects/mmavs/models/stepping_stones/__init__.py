"""Stepping Stones: how stage two uses the masks of stage one."""

from .fusion_prior import build_fusion_prior
from .mask_prior import MaskPrior, PriorGuidance, check_prior

__all__ = ['MaskPrior', 'PriorGuidance', 'build_fusion_prior', 'check_prior']
