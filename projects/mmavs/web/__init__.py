"""What ``tools/web_demo.py`` does on the server, apart from its page.

Nothing here imports Gradio.
"""

from .comparison import SOUNDS, Agreement, Sound
from .limits import Limits
from .models import ModelFiles, Models
from .rendering import Look, ReceivedVideo, Rendering, Result
from .segmentation import Cancelled, Segmentation
from .service import Service
from .stored_masks import OWN_THRESHOLD, StoredMasks
from .visits import Visit, Visits
from .work import Comparison, RefusedError

__all__ = [
    'OWN_THRESHOLD',
    'SOUNDS',
    'Agreement',
    'Cancelled',
    'Comparison',
    'Limits',
    'Look',
    'ModelFiles',
    'Models',
    'ReceivedVideo',
    'RefusedError',
    'Rendering',
    'Result',
    'Segmentation',
    'Service',
    'Sound',
    'StoredMasks',
    'Visit',
    'Visits',
]
