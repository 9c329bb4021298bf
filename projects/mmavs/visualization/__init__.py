"""Pictures of clips and their masks."""

from .contact_sheet import (
    ClipPicture,
    draw_contact_sheet,
    render_contact_sheet,
)

__all__ = ['ClipPicture', 'draw_contact_sheet', 'render_contact_sheet']
