"""Convert torchvggish's public VGGish weights to mmavs.

Usage: ``python tools/model_converters/vggish.py SRC DST``

SRC is ``vggish-10086976.pth`` as torchvggish publishes it. DST goes into a
config as ``init_cfg=dict(type='Pretrained', checkpoint=DST)``.
"""

from __future__ import annotations

from name_table import Table, convert_file

#: The names agree; the table makes sure that all are there, and no others.
TABLE: Table = {
    'features.{0,3,6,8,11,13}.{weight,bias}': 'features.{}.{}',
    'embeddings.{0,2,4}.{weight,bias}': 'embeddings.{}.{}',
}


if __name__ == '__main__':
    convert_file(
        TABLE,
        description=__doc__,
        converter='tools/model_converters/vggish.py',
    )
