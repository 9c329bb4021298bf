"""AVSegFormer with PVTv2-B5 on S4 (single source), as published.

Authors' README: 83.06 mIoU, 90.5 F at 512x512, protocol ``avsbench-bs2``. The
papers give lower figures of an older release at 224x224.
Not trained on AVSBench by this project.
Initialise:
  python tools/model_converters/pvt_v2.py SRC pretrained/pvt_v2_b5.pth
  python tools/model_converters/vggish.py SRC pretrained/vggish.pth
Train: python tools/train.py \
    configs/avsegformer/avsegformer_pvtv2-b5_1xb2-30e_s4-512x512.py
"""

_base_ = [
    '../_base_/models/avsegformer_pvtv2-b5.py',
    '../_base_/datasets/avsbench_s4_512x512.py',
    '../_base_/schedules/avsegformer_30e.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(
    freeze=dict(type='FreezeUntilHook', parameters=(r'^backbone\.',), epoch=5),
    checkpoint=dict(save_best='avsbench-bs2/mIoU'),
)
