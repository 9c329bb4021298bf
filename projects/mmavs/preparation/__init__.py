"""Bring the releases of AVSBench into the layout that mmavs reads."""

from .prepare import Preparation, prepare

__all__ = ['Preparation', 'prepare']
