"""Pictures of clips and their masks."""

from .contact_sheet import ClipPicture, draw_contact_sheet
from .hook import AVSVisualizationHook

__all__ = ['AVSVisualizationHook', 'ClipPicture', 'draw_contact_sheet']
