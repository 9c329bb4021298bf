"""Studies and benchmarks; run one with ``python -m benchmarks.NAME``."""
