"""Store digests of the published code in float64.

To rewrite ``tests/data/{aavs,avsegformer,tpavi}/float64.json``::

    MMAVS_REFERENCE_ROOT=CHECKOUTS PYTHONPATH=tests \
        python -m support.reference_float64 [aavs] [avsegformer] [tpavi]

where CHECKOUTS holds the repositories that the three ``reference_*`` files
name.
"""

import argparse
import sys

from mmavs.testing import avsegformer

from support import (
    aavs_parity,
    avsegformer_parity,
    reference_aavs,
    reference_aavs_float64,
    reference_avsegformer,
    reference_tpavi,
    tpavi_parity,
)
from support.float64 import digest, write_digests

#: Of each system a reason to skip, the published side, the file and its cases.
_SYSTEMS = {
    'aavs': (
        reference_aavs.why_not,
        reference_aavs_float64.their_float64_side,
        aavs_parity.FLOAT64,
        {'stage1': aavs_parity.STAGE_ONE, 'stage2': aavs_parity.STAGE_TWO},
    ),
    'avsegformer': (
        avsegformer.why_not,
        reference_avsegformer.their_float64_side,
        avsegformer_parity.FLOAT64,
        {variant.name: variant for variant in avsegformer_parity.SMALL},
    ),
    'tpavi': (
        reference_tpavi.why_not,
        reference_tpavi.their_float64_side,
        tpavi_parity.FLOAT64,
        {case.name: case for case in tpavi_parity.STORED},
    ),
}


def main() -> None:
    """Rewrite the stored numbers of some systems, of all by default."""
    parser = argparse.ArgumentParser()
    parser.add_argument('systems', nargs='*', default=list(_SYSTEMS))
    for name in parser.parse_args().systems:
        why_not, compute, path, cases = _SYSTEMS[name]
        reason = why_not()
        if reason is not None:
            sys.exit(reason)
        write_digests(
            path,
            {key: digest(*compute(case)) for key, case in cases.items()},
        )


if __name__ == '__main__':
    main()
