# MS3 as avsbench_s4_512x512.py, of which it differs in the subset alone.
_base_ = ['./avsbench_s4_512x512.py']

dataset = dict(task='ms3')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
