"""Find what is wrong with a data set, and how to mend it."""

from .findings import Finding, Mending
from .mend_labels import clean_labels, shift_labels, starts_at_one
from .report import print_report, write_report
from .run import Validation, validate_avsbench, validate_datasets
from .table import read_table
from .whole_set import PUBLISHED_COUNTS

__all__ = [
    'PUBLISHED_COUNTS',
    'Finding',
    'Mending',
    'Validation',
    'clean_labels',
    'print_report',
    'read_table',
    'shift_labels',
    'starts_at_one',
    'validate_avsbench',
    'validate_datasets',
    'write_report',
]
