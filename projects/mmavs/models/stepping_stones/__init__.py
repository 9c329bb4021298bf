"""Stepping Stones: what the second stage makes of the first one's masks."""

from .fusion_prior import build_fusion_prior
from .mask_prior import MaskPrior, PriorGuidance

__all__ = ['MaskPrior', 'PriorGuidance', 'build_fusion_prior']
