"""Convert torchvggish's public VGGish weights to mmavs.

Usage: ``python tools/model_converters/vggish.py SRC DST``

SRC is ``vggish-10086976.pth`` as torchvggish publishes it. DST goes into a
config as ``init_cfg=dict(type='Pretrained', checkpoint=DST)``.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

from name_table import Table, convert, read_state_dict, write_checkpoint

#: The names agree; the table makes sure that all are there, and no others.
TABLE: Table = {
    'features.{0,3,6,8,11,13}.{weight,bias}': 'features.{}.{}',
    'embeddings.{0,2,4}.{weight,bias}': 'embeddings.{}.{}',
}


def main(argv: list[str] | None = None) -> None:
    """Convert one file and print what was done."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or '').split('\n')[0]
    )
    parser.add_argument('src', help='weights of torchvggish (.pth)')
    parser.add_argument('dst', help='checkpoint to write (.pth)')
    args = parser.parse_args(argv)
    try:
        state_dict, report = convert(read_state_dict(args.src), TABLE)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f'{parser.prog}: {error}')
    digest = hashlib.sha256(Path(args.src).read_bytes()).hexdigest()
    meta = dict(
        source=Path(args.src).name,
        source_sha256=digest,
        converter='tools/model_converters/vggish.py',
    )
    write_checkpoint(args.dst, state_dict, meta=meta)
    print(report)
    print(f'{args.src} (sha256 {digest[:8]}) -> {args.dst}')


if __name__ == '__main__':
    main()
