"""Write the generated tables of README and docs from ``results/``.

    python -m benchmarks.write_tables [--check]

With --check nothing is written; the exit code is 1 if a table is out of date.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.compare_systems_page import (
    make_cost_lines,
    make_score_lines,
    make_setting_lines,
    read_reports,
)
from benchmarks.generated_tables import replace_part

ROOT = Path(__file__).resolve().parents[1]


def make_pages(root: Path) -> dict[Path, str]:
    """Make the content of all pages with generated parts.

    Args:
        root (Path): Root of the repository.

    Returns:
        dict[Path, str]: Content by page.
    """
    page = root / 'docs/results.md'
    text = page.read_text(encoding='utf-8')
    reports = read_reports(root / 'results/synthetic')
    if reports:
        for name, lines in (
            ('setting of the four systems', make_setting_lines(reports)),
            ('scores of the four systems', make_score_lines(reports)),
            ('costs of the four systems', make_cost_lines(reports)),
        ):
            text = replace_part(text, name, lines)
    return {page: text}


def main() -> None:
    """Write or check all tables."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--check', action='store_true', help='write nothing; see above'
    )
    args = parser.parse_args()
    changed = {
        page: text
        for page, text in make_pages(ROOT).items()
        if page.read_text(encoding='utf-8') != text
    }
    if args.check and changed:
        sys.exit(
            f'out of date: {", ".join(map(str, changed))}; run python -m '
            'benchmarks.write_tables'
        )
    for page, text in changed.items():
        page.write_text(text, encoding='utf-8')
        print(f'wrote {page}')


if __name__ == '__main__':
    main()
