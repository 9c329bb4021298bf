"""Multi-scale deformable attention, the one compiled operator of mmavs."""

from mmavs_ops.ms_deform_attn import compiled_devices, ms_deform_attn

__all__ = ['compiled_devices', 'ms_deform_attn']
