"""Hooks of training, validation and testing."""

from .atomic_checkpoint_hook import AtomicCheckpointHook
from .check_step_hook import CheckStepHook
from .check_weights_hook import CheckWeightsHook
from .freeze_until_hook import FreezeUntilHook
from .mask_annealing_hook import MaskAnnealingHook
from .mask_prior_check_hook import MaskPriorCheckHook
from .resume_state_hook import ResumeStateHook
from .two_phase_hook import TwoPhaseTuningHook
from .visualization_hook import AVSVisualizationHook

__all__ = [
    'AVSVisualizationHook',
    'AtomicCheckpointHook',
    'CheckStepHook',
    'CheckWeightsHook',
    'FreezeUntilHook',
    'MaskAnnealingHook',
    'MaskPriorCheckHook',
    'ResumeStateHook',
    'TwoPhaseTuningHook',
]
