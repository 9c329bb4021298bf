"""Checkpoints: unreadable, unsafe, of another model, not to resume from."""

import os
import pickle
import shutil

import torch
from support.tries import Try, check, rows

TEST = 'test.py stub.py c.pth'
RESUME = 'train.py toy.py --resume c.pth'


class _RunsCode:
    def __reduce__(self):
        return os.mkdir, ('was_run',)


def save(content):
    return lambda folder: torch.save(content, folder / 'c.pth')


def write(content):
    return lambda folder: (folder / 'c.pth').write_bytes(content)


def unsafe(folder, protocol=2):
    (folder / 'c.pth').write_bytes(pickle.dumps(_RunsCode(), protocol))


def new_protocol(folder):
    weights = dict(weight=torch.ones(1))
    torch.save(weights, folder / 'c.pth', pickle_protocol=4)


def cut(folder):
    content = (folder / 'stub.pth').read_bytes()
    (folder / 'c.pth').write_bytes(content[: len(content) // 2])


def flip_one_bit(folder):
    """In the value of the weight: 0.51 becomes another finite number."""
    torch.save(dict(weight=torch.tensor([0.51])), folder / 'c.pth')
    content = bytearray((folder / 'c.pth').read_bytes())
    content[content.index(torch.tensor([0.51]).numpy().tobytes())] ^= 16
    (folder / 'c.pth').write_bytes(content)


def without(*names):
    """Write the checkpoint of the toy training without some parts."""

    def prepare(folder):
        path = folder / 'toy' / 'epoch_1.pth'
        content = torch.load(path, weights_only=True)
        for name in names:
            del content[name]
        torch.save(content, folder / 'c.pth')

    return prepare


def changed(change):
    """Write the checkpoint of the toy training with a change."""

    def prepare(folder):
        path = folder / 'toy' / 'epoch_1.pth'
        content = torch.load(path, weights_only=True)
        change(content)
        torch.save(content, folder / 'c.pth')

    return prepare


def toy(folder):
    shutil.copy(folder / 'toy' / 'epoch_1.pth', folder / 'c.pth')


NAN = dict(weight=torch.tensor([float('nan')]))
OTHER = {f'layer.{n}.weight': torch.zeros(1) for n in range(9)}
UNREADABLE = "'c.pth' cannot be read as a checkpoint: .*cut off, damaged, or"
TRIES = [
    Try('missing', TEST, "There is no checkpoint at 'c.pth'|c.pth: expected"),
    Try('folder', 'test.py stub.py data', "checkpoint at 'data'|data: expect"),
    Try('empty', TEST, UNREADABLE, 1, write(b'')),
    Try('text', TEST, UNREADABLE, 1, write(b'no checkpoint\n')),
    Try('cut', TEST, UNREADABLE, 1, cut),
    Try(
        'one-bit',
        TEST,
        "'c.pth' cannot be read .*: the checksum of c/data/0 is wrong. It is",
        1,
        flip_one_bit,
    ),
    Try(
        'code',
        TEST,
        'and opening such a file can run any code.*set MMAVS_T',
        1,
        unsafe,
    ),
    Try(
        'code-in-a-new-pickle',
        TEST,
        "c.pth' holds more than weights and plain data: it needs "
        "'posix.mkdir', and opening such a file can run any code.*set MMAVS",
        1,
        lambda folder: unsafe(folder, 5),
    ),
    Try(
        'weights-in-a-new-pickle',
        TEST,
        'saved with pickle protocol 4, .* Save it again without pickle_prot',
        1,
        new_protocol,
    ),
    Try(
        'number',
        TEST,
        'expected a dict of weights, got int',
        1,
        save(3),
    ),
    Try(
        'sparse',
        TEST,
        'c.pth: expected dense weights .* got sparse or meta tensors: weight',
        1,
        save(dict(state_dict=dict(weight=torch.ones(1).to_sparse()))),
    ),
    Try(
        'resume-without-values',
        RESUME,
        'c.pth: expected dense weights .* meta tensors: .*; save dense',
        1,
        changed(
            lambda content: content['state_dict'].update(
                {
                    name: value.to('meta')
                    for name, value in content['state_dict'].items()
                }
            )
        ),
    ),
    Try(
        'works-with-text-as-meta',
        TEST,
        'split/mIoU',
        0,
        save(dict(state_dict=dict(weight=torch.ones(1)), meta='x')),
    ),
    Try(
        'list',
        TEST,
        'expected a dict of weights, got list',
        1,
        save([torch.zeros(1)]),
    ),
    Try(
        'no-weights',
        TEST,
        'expected the weights of the model of stub.py',
        1,
        save({}),
    ),
    Try(
        'other-model',
        TEST,
        'expected the weights of the model of stub.py, '
        'got others.*1 missing: weight; 9 superfluous: layer.0',
        1,
        save(OTHER),
    ),
    Try(
        'other-shape',
        TEST,
        'expected the weights of .*another shape: weig',
        1,
        save(dict(weight=torch.ones(2))),
    ),
    Try(
        'nan',
        TEST,
        'c.pth: 1 of 1 tensors have values that are NaN or infinite: weight',
        1,
        save(NAN),
    ),
    Try(
        'complex',
        TEST,
        'c.pth: expected real weights, got complex ones.*: weight',
        1,
        save(dict(weight=torch.ones(1) * 1j)),
    ),
    Try(
        'weights-are-a-list',
        TEST,
        'expected weights by their names, got a list without them',
        1,
        save(dict(state_dict=[torch.ones(1)])),
    ),
    Try(
        'numbers-for-names',
        TEST,
        'expected weights by their names, got a dict without them',
        1,
        save({1: torch.ones(1)}),
    ),
    Try(
        'config-for-a-checkpoint',
        'test.py stub.py stub.py',
        "'stub.py' cannot be read as a checkpoint",
    ),
    Try('works-bare', TEST, 'split/mIoU', 0, save(dict(weight=torch.ones(1)))),
    Try(
        'address',
        'test.py stub.py https://localhost/c.pth',
        'is an address, and mmavs downloads nothing',
    ),
    Try('resume-missing', RESUME, "There is no checkpoint at 'c.pth'"),
    Try('resume-empty', RESUME, UNREADABLE, 1, write(b'')),
    Try('resume-code', RESUME, 'can run any code', 1, unsafe),
    Try(
        'resume-bare-weights',
        RESUME,
        'without meta.epoch, meta.iter, message_hub'
        '.*Resume from a file that tools/train.py wrote',
        1,
        save(dict(weight=torch.ones(1))),
    ),
    Try(
        'resume-with-other-weights',
        RESUME,
        r'c.pth: expected all tensors of the model to resume with, got only '
        r'a part of backbone \(0 of 6\)',
        1,
        changed(lambda content: content.update(state_dict=OTHER)),
    ),
    Try(
        'resume-at-a-negative-epoch',
        RESUME,
        'expected a checkpoint to resume .* without meta.epoch',
        1,
        changed(lambda content: content['meta'].update(epoch=-1)),
    ),
    Try(
        'resume-without-moments',
        RESUME,
        'expected a checkpoint to resume .* without optimizer.state',
        1,
        changed(lambda content: content['optimizer'].update(state={})),
    ),
    Try(
        'resume-with-an-empty-optimizer',
        RESUME,
        'expected a checkpoint to resume .* without optimizer',
        1,
        changed(lambda content: content.update(optimizer={})),
    ),
    Try(
        'resume-without-log',
        RESUME,
        'got a file without message_hub. Resume',
        1,
        without('message_hub'),
    ),
    Try(
        'resume-without-optimizer',
        RESUME,
        'a file without optimizer. Resume from',
        1,
        without('optimizer'),
    ),
    Try('works-resume', RESUME, r'Epoch\(val\) \[4\]', 0, toy),
    Try(
        'load-from-other',
        'train.py toy.py --cfg-options load_from=c.pth',
        "load_from='c.pth' fits too little of backbone",
        1,
        save(OTHER),
    ),
    Try(
        'load-from-empty',
        'train.py toy.py --cfg-options load_from=c.pth',
        'fits too little of backbone',
        1,
        save({}),
    ),
    Try(
        'load-from-nan',
        'train.py toy.py --cfg-options load_from=c.pth',
        'NaN or infinite',
        1,
        save(NAN),
    ),
    Try(
        'works-load-from',
        'train.py toy.py --cfg-options load_from=c.pth',
        r'Epoch\(val\) \[4\]',
        0,
        toy,
    ),
]


@rows(TRIES)
def test_line(row, place, capsys):
    check(row, place, capsys)
    assert not (place / 'was_run').exists()
