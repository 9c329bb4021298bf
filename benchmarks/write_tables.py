"""Write the generated tables of README, docs and metafiles.

    python -m benchmarks.write_tables [--check | --zoo FILE]

The sources are the files in ``results/`` and, for published figures, the
headers of the configs. With --zoo only the page of the model zoo is written,
which is not kept in the repository; ``make docs`` uses it.
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
from benchmarks.model_zoo import (
    make_metafile,
    make_zoo_page,
    read_results,
)
from benchmarks.performance_page import make_page
from benchmarks.published_figures import make_readme_lines
from benchmarks.robustness_page import (
    make_area_lines,
    make_consistency_lines,
    make_difference_lines,
    read_runs,
)
from benchmarks.stepping_stones_page import (
    make_difference_lines as make_stage_difference_lines,
)
from benchmarks.stepping_stones_page import (
    make_row_lines,
)
from benchmarks.stepping_stones_page import read_reports as read_studies

ROOT = Path(__file__).resolve().parents[1]


def make_pages(root: Path) -> dict[Path, str]:
    """Make the content of all pages with generated parts.

    Args:
        root (Path): Root of the repository.

    Returns:
        dict[Path, str]: Content by page or metafile.
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
    for folder, clips in (('robustness', ''), ('robustness_s4', ', S4')):
        runs = read_runs(root / 'results/synthetic' / folder)
        if not runs:
            continue
        for name, lines in (
            ('consistency of the systems', make_consistency_lines(runs)),
            ('false positives of the systems', make_area_lines(runs)),
            ('effect of negative sounds', make_difference_lines(runs)),
        ):
            text = replace_part(text, f'{name}{clips}', lines)
    studies = read_studies(root / 'results/synthetic')
    if studies:
        for name, lines in (
            ('one and two stages', make_row_lines(studies)),
            (
                'differences of one and two stages',
                make_stage_difference_lines(studies),
            ),
        ):
            text = replace_part(text, name, lines)
    pages = {page: text}
    page = root / 'docs/performance.md'
    pages[page] = make_page(root, page.read_text(encoding='utf-8'))
    readme = root / 'README.md'
    pages[readme] = replace_part(
        readme.read_text(encoding='utf-8'),
        'published figures',
        make_readme_lines(root),
    )
    results = read_results(root)
    for path in sorted((root / 'configs').glob('*/metafile.yml')):
        pages[path] = make_metafile(path.read_text('utf-8'), results)
    return pages


def main() -> None:
    """Write or check all tables."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        '--check', action='store_true', help='write nothing; see above'
    )
    what.add_argument(
        '--zoo', type=Path, metavar='FILE', help='page of the model zoo'
    )
    args = parser.parse_args()
    pages = make_pages(ROOT)
    if args.zoo is not None:
        pages = {args.zoo: make_zoo_page(ROOT)}
    # An unchanged page keeps its date, so Sphinx does not build it again.
    changed = {
        page: text
        for page, text in pages.items()
        if not page.is_file() or page.read_text(encoding='utf-8') != text
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
