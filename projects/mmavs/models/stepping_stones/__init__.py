"""Stepping Stones: what the second stage makes of the first one's masks."""

from .mask_prior import MaskPrior, PriorGuidance

__all__ = ['MaskPrior', 'PriorGuidance']
