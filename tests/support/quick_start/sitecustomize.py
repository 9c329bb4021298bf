"""Collect garbage less often; every new process imports this first.

While torch and mmseg are imported, Python would visit all of their objects
again and again, which takes a second.
"""

import gc

gc.set_threshold(500_000)
