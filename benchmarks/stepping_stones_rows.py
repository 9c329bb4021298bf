"""The rows of ``benchmarks.stepping_stones``: what is trained and how."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs/synthetic'
#: Folds of the rows with cross-fitted masks.
NUM_FOLDS = 2
STAGE_ONE = 'stage one'
SINGLE_STAGE = 'single stage'
#: The whole method, as published.
TWO_STAGES = 'two stages'
#: Ends the names of the same models, tested with true masks.
ORACLE = ', oracle prior'
#: Ends the names of the same models, tested with where the single stage
#: predicts any class, in place of the masks of stage one.
SINGLE_MASKS = ', single-stage masks'
_PRIOR = 'model.decode_head.mask_prior'
_TRAINING = 'train_dataloader.dataset.mask_prior'
_IOU = f'{_TRAINING}.iou=[0.3,0.9]'


class Row(NamedTuple):
    """A model of the table.

    Attributes:
        config (Path): Its config.
        step (str): Name of its work dir.
        options (tuple[str, ...]): Overrides of the config.
        times (int): Length of its training, as a multiple of a stage.
        uses_masks (bool): Whether it is a stage two.
        uses_weights (bool): Whether it starts from stage one's weights.
        cross_fit (bool): Whether it trains on cross-fitted masks.
        single_masks (bool): Whether it is also tested with the masks of the
            single stage.
        after_single (bool): Whether it uses masks and weights of the single
            stage in place of stage one's.
    """

    config: Path
    step: str
    options: tuple[str, ...] = ()
    times: int = 1
    uses_masks: bool = False
    uses_weights: bool = False
    cross_fit: bool = False
    single_masks: bool = False
    after_single: bool = False

    @property
    def total(self) -> int:
        """Steps of all trainings that the model needs, in stages.

        The stages one of K folds are trained for as many steps as the one on
        all clips.
        """
        one = self.uses_masks or self.uses_weights
        return self.times + one + NUM_FOLDS * self.cross_fit

    @property
    def total_single_masks(self) -> int:
        """The same with the single stage's masks in place of stage one's."""
        return self.total + self.uses_weights


class System(NamedTuple):
    """Rows of a system.

    Attributes:
        rows (dict[str, Row]): By name, in the order of the table.
        groups (dict[str, tuple[str, ...]]): Names of rows by group.
    """

    rows: dict[str, Row]
    groups: dict[str, tuple[str, ...]]

    def choose(self, words: Sequence[str]) -> list[str]:
        """Return the rows of a command line.

        Args:
            words (Sequence[str]): Names of rows and groups.

        Returns:
            list[str]: Names of rows, in the order of the table.

        Raises:
            ValueError: If a word is neither.
        """
        chosen: set[str] = set()
        for word in words:
            if word not in self.groups and word not in self.rows:
                raise ValueError(
                    f'--rows: expected groups of {list(self.groups)} or rows '
                    f'of {list(self.rows)}, got {word!r}'
                )
            chosen.update(self.groups.get(word, (word,)))
        return [name for name in self.rows if name in chosen]


def _mixture(**probabilities: float) -> tuple[str, ...]:
    """Train on a mixture of priors."""
    return (
        f'{_TRAINING}.source=mixture',
        *(
            f'{_TRAINING}.probabilities.{source}={probability}'
            for source, probability in probabilities.items()
        ),
    )


def _system(name: str, table: dict[str, Row]) -> System:
    """Make the rows of a system.

    Args:
        name (str): Prefix of its configs.
        table (dict[str, Row]): Other uses of the prior, as published.

    Returns:
        System: The rows.
    """
    single = Row(CONFIGS / f'{name}_tiny_avss-96x96.py', 'single_stage_x1')
    two = Row(
        CONFIGS / f'{name}_tiny_stage2_avss-96x96.py',
        'two_stages',
        uses_masks=True,
        single_masks=True,
    )
    rows = {
        STAGE_ONE: Row(
            CONFIGS / f'{name}_tiny_avss-binary-96x96.py', 'stage_one'
        ),
        SINGLE_STAGE: single,
        TWO_STAGES: two,
        **table,
    }
    totals = {
        'single stage, steps of both': single._replace(
            step='single_stage_x2', times=2
        ),
        'stage one, then single stage': single._replace(
            step='single_stage_x1_from_stage_one', uses_weights=True
        ),
        'two stages, with its weights': two._replace(
            step='two_stages_from_stage_one', uses_weights=True
        ),
        'two stages, from single stage': two._replace(
            step='stage_two_from_single_stage',
            single_masks=False,
            after_single=True,
        ),
    }
    mixed = _mixture(truth=0.25, files=0.5, degraded=0.25)
    crossed = two._replace(step='cross_fit', cross_fit=True)
    remedies = {
        'mixture': two._replace(
            step='mixture',
            options=(*_mixture(truth=0.5, degraded=0.5), _IOU),
        ),
        'prior dropout': two._replace(
            step='prior_dropout', options=_mixture(truth=0.75, none=0.25)
        ),
        'mixture, with its weights': two._replace(
            step='mixture_from_stage_one',
            options=(*_mixture(truth=0.5, degraded=0.5), _IOU),
            uses_weights=True,
        ),
        'cross-fit': crossed._replace(options=(f'{_TRAINING}.source=files',)),
        'cross-fit, mixture': crossed._replace(
            step='cross_fit_mixture', options=(*mixed, _IOU)
        ),
        'cross-fit, mixture, with its weights': crossed._replace(
            step='cross_fit_mixture_from_stage_one',
            options=(*mixed, _IOU),
            uses_weights=True,
        ),
        'single stage, steps of cross-fit': single._replace(
            step='single_stage_x4', times=2 + NUM_FOLDS
        ),
    }
    groups = {
        'table': tuple(rows),
        'headline': (STAGE_ONE, SINGLE_STAGE, TWO_STAGES),
        'equal-totals': tuple(totals),
        'remedies': tuple(remedies),
    }
    return System({**rows, **totals, **remedies}, groups)


def _ablation(name: str) -> Row:
    return Row(
        CONFIGS / f'aavs_tiny_stage2_avss-96x96_{name.replace(" ", "-")}.py',
        name.replace(' ', '_'),
        uses_masks=True,
    )


def _other_use(step: str, option: str) -> Row:
    return Row(
        CONFIGS / 'ease_tiny_stage2_avss-96x96.py',
        step,
        (f'{_PRIOR}.{option}=True',),
        uses_masks=True,
    )


#: AAVS has the rows of the paper's Table 4. In EASE the prior is fused alone
#: unless an option adds another use.
SYSTEMS = {
    'aavs': _system(
        'aavs',
        {
            'no mask fusion': _ablation('no mask fusion'),
            'no robust key': _ablation('no robust key'),
            'neither': Row(
                CONFIGS / 'aavs_tiny_stage2_avss-96x96_no-mask-fusion_no-'
                'robust-key.py',
                'neither',
                uses_masks=True,
            ),
        },
    ),
    'ease': _system(
        'ease',
        {
            'prior as attention mask too': _other_use(
                'prior_as_attention_mask_too', 'init_attention'
            ),
            'prior as markers too': _other_use(
                'prior_as_markers_too', 'robust_key'
            ),
        },
    ),
}
