"""Bring released data sets into the layouts that mmavs reads."""

from .prepare import Preparation, prepare
from .vpo import convert_vpo

__all__ = ['Preparation', 'convert_vpo', 'prepare']
