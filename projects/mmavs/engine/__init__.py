"""Hooks, launching of runs, command lines and checkpoint files."""

from .atomic_backend import ATOMIC_BACKEND, AtomicBackend
from .command_line import add_traceback_argument, error_line
from .hooks import (
    AtomicCheckpointHook,
    AVSVisualizationHook,
    CheckStepHook,
    CheckWeightsHook,
    FreezeUntilHook,
    MaskAnnealingHook,
    MaskPriorCheckHook,
    ResumeStateHook,
    TwoPhaseTuningHook,
)
from .inference_speed import (
    Precision,
    add_speed_arguments,
    check_precision,
    speed_up,
    warn_if_slow_on_cpu,
)
from .launch import add_launch_arguments, joined_processes, load_config
from .mixed_precision import set_amp
from .model_wrapping import unwrap_model
from .optim import (
    BFloat16OptimWrapper,
    LateBackboneOptimWrapperConstructor,
    TwoStageWarmupPolyLR,
)
from .random_state import get_random_state, set_random_state
from .screen_output import ToolRunner, quiet_libraries
from .sound_conditions_loop import SoundConditionsLoop
from .test_selection import selects_on_test, warn_of_test_selection

__all__ = [
    'ATOMIC_BACKEND',
    'AVSVisualizationHook',
    'AtomicBackend',
    'AtomicCheckpointHook',
    'BFloat16OptimWrapper',
    'CheckStepHook',
    'CheckWeightsHook',
    'FreezeUntilHook',
    'LateBackboneOptimWrapperConstructor',
    'MaskAnnealingHook',
    'MaskPriorCheckHook',
    'Precision',
    'ResumeStateHook',
    'SoundConditionsLoop',
    'ToolRunner',
    'TwoPhaseTuningHook',
    'TwoStageWarmupPolyLR',
    'add_launch_arguments',
    'add_speed_arguments',
    'add_traceback_argument',
    'check_precision',
    'error_line',
    'get_random_state',
    'joined_processes',
    'load_config',
    'quiet_libraries',
    'selects_on_test',
    'set_amp',
    'set_random_state',
    'speed_up',
    'warn_if_slow_on_cpu',
    'unwrap_model',
    'warn_of_test_selection',
]
