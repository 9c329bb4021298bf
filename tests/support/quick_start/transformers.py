"""Take the place of transformers, as on a machine without this extra.

mmengine imports the package if it is there, which takes two seconds.
"""

raise ImportError('hidden from new processes of the tests')
