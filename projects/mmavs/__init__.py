"""mmavs: audio-visual segmentation on OpenMMLab."""
