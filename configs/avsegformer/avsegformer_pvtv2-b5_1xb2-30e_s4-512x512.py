"""AVSegFormer with PVTv2-B5 on S4 (single source), as published.

Authors' README: 83.06 mIoU, 90.5 F, at 512x512, protocol ``avsbench-bs2``. The
papers' lower rows are those of an older release, at 224x224. We have not
trained it on AVSBench; see "State of results" in README.md.
Initialise: python tools/model_converters/pvt_v2.py SRC \
      pretrained/pvt_v2_b5.pth
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

train_dataloader = dict(batch_size=2)
val_dataloader = dict(batch_size=2)
test_dataloader = dict(batch_size=2)
default_hooks = dict(
    freeze=dict(type='FreezeUntilHook', parameters=(r'^backbone\.',), epoch=5),
    checkpoint=dict(save_best='avsbench-bs2/mIoU'),
)
