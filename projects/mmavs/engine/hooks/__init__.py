"""Training hooks."""

from .atomic_checkpoint_hook import AtomicCheckpointHook
from .resume_state_hook import ResumeStateHook
from .two_phase_hook import TwoPhaseTuningHook

__all__ = ['AtomicCheckpointHook', 'ResumeStateHook', 'TwoPhaseTuningHook']
