"""The trainings and tests of ``benchmarks.stepping_stones``."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple

from mmavs.datasets.avsbench import SPLITS
from mmavs.engine import steps
from mmavs.engine.launcher import LoggingLauncher
from mmavs.engine.steps import Trained

from tools.stepping_stones import stages

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs/synthetic'
_PRIOR = 'model.decode_head.mask_prior'
#: Tests any stage two with the true masks as prior.
_ORACLE = 'test_dataloader.dataset.mask_prior.source=truth'


class Row(NamedTuple):
    """A stage two.

    Attributes:
        config (Path): Its config.
        options (tuple[str, ...]): Overrides of it.
    """

    config: Path
    options: tuple[str, ...] = ()


class System(NamedTuple):
    """Configs of a system.

    Attributes:
        stage_one (Path): Binary masks.
        single_stage (Path): All classes, without a prior.
        rows (dict[str, Row]): Stages two by row of the table; the first is
            the whole method.
    """

    stage_one: Path
    single_stage: Path
    rows: dict[str, Row]


def _system(name: str, **rows: Row) -> System:
    prefix = CONFIGS / f'{name}_tiny'
    return System(
        stage_one=Path(f'{prefix}_avss-binary-96x96.py'),
        single_stage=Path(f'{prefix}_avss-96x96.py'),
        rows={row.replace('_', ' '): config for row, config in rows.items()},
    )


def _stage_two(system: str, ablation: str = '', *options: str) -> Row:
    name = f'{system}_tiny_stage2_avss-96x96{ablation}.py'
    return Row(CONFIGS / name, options)


#: AAVS has the rows of the paper's Table 4. In EASE the prior is fused alone
#: unless an option adds another use.
SYSTEMS = {
    'aavs': _system(
        'aavs',
        two_stages=_stage_two('aavs'),
        no_mask_fusion=_stage_two('aavs', '_no-mask-fusion'),
        no_robust_key=_stage_two('aavs', '_no-robust-key'),
        neither=_stage_two('aavs', '_no-mask-fusion_no-robust-key'),
    ),
    'ease': _system(
        'ease',
        two_stages=_stage_two('ease'),
        prior_as_attention_mask_too=_stage_two(
            'ease', '', f'{_PRIOR}.init_attention=True'
        ),
        prior_as_markers_too=_stage_two(
            'ease', '', f'{_PRIOR}.robust_key=True'
        ),
    ),
}


class StageOne(NamedTuple):
    """Result of a stage one.

    Attributes:
        trained (Trained): The training.
        masks (Path): Folder of the masks that it predicts.
        metrics (dict): Binary metrics on the test split.
    """

    trained: Trained
    masks: Path
    metrics: dict


class StageTwo(NamedTuple):
    """Result of a stage two.

    Attributes:
        trained (Trained): The training.
        metrics (dict): On the test split, with stage one's masks as prior.
        oracle_metrics (dict): The same with the true masks as prior.
    """

    trained: Trained
    metrics: dict
    oracle_metrics: dict


class Seed:
    """The trainings and tests of one seed.

    Args:
        seed (int): Seed of the trainings. The data do not depend on it.
        root (Path): Work dir of all seeds.
        launcher (LoggingLauncher): Starts the tools.
        epochs (int): Epochs of one training.
        options (list[str]): Overrides of all configs.
        system (System): Configs.
    """

    def __init__(
        self,
        seed: int,
        root: Path,
        launcher: LoggingLauncher,
        epochs: int,
        options: list[str],
        system: System,
    ) -> None:
        self.system = system
        self.root = root / f'seed_{seed}'
        self.launcher = launcher
        self.epochs = epochs
        self.options = [*options, f'randomness.seed={seed}']

    def single_stage(
        self, times: int, begin_from: Future[StageOne] | None = None
    ) -> dict:
        """Train and test without a prior.

        Args:
            times (int): Number of steps, as a multiple of stage two's.
            begin_from (Future[StageOne] | None): Stage one whose weights
                initialise this model where their shapes match; None for
                random weights.

        Returns:
            dict: Metrics.
        """
        options, config = self._schedule(times), str(self.system.single_stage)
        name = f'single_stage_x{times}'
        if begin_from is not None:
            options += _load_weights(begin_from.result())
            name += '_from_stage_one'
        trained = steps.run_training(
            self.launcher, self.root, name, config, options
        )
        return self._metrics(config, options, trained)

    def stage_one(self, times: int) -> StageOne:
        """Train stage one, test it and write its masks.

        Args:
            times (int): Number of steps, as a multiple of stage two's.

        Returns:
            StageOne: The result.
        """
        options, config = self._schedule(times), str(self.system.stage_one)
        trained = steps.run_training(
            self.launcher, self.root, 'stage_one', config, options
        )
        metrics = self._metrics(config, options, trained)
        masks = self.root / ('masks' if times == 1 else f'masks_x{times}')
        stages.dump_masks(self.launcher, masks, config, options, trained)
        return StageOne(trained, masks, metrics)

    def stage_two(
        self,
        row: str,
        stage_one: Future[StageOne],
        begin_from_it: bool = False,
    ) -> StageTwo:
        """Train stage two; test it with stage one's and with true masks.

        Args:
            row (str): Key of ``System.rows``.
            stage_one (Future[StageOne]): Stage one whose masks are the prior.
            begin_from_it (bool): Also start from its weights, where their
                shapes match.

        Returns:
            StageTwo: The result.
        """
        config, own = self.system.rows[row]
        one = stage_one.result()
        options = [*self._schedule(), *own, *_expect(one)]
        name = row.replace(' ', '_')
        if begin_from_it:
            options += _load_weights(one)
            name += '_from_stage_one'
        trained = steps.run_training(
            *(self.launcher, self.root, name),
            *(str(config), options, _read_masks(one)),
        )
        tested = [*options, *_read_masks(one)]
        metrics = self._metrics(str(config), tested, trained)
        oracle = self._metrics(
            str(config),
            [*tested, _ORACLE],
            trained._replace(folder=trained.folder / 'oracle_prior'),
        )
        return StageTwo(trained, metrics, oracle)

    def with_other_masks(
        self,
        row: str,
        stage_two: Future[StageTwo],
        stage_one: Future[StageOne],
    ) -> dict:
        """Test a stage two with the masks of another stage one.

        Args:
            row (str): Key of ``System.rows``.
            stage_two (Future[StageTwo]): The model to test.
            stage_one (Future[StageOne]): Stage one whose masks are the prior.

        Returns:
            dict: Metrics.
        """
        trained, one = stage_two.result().trained, stage_one.result()
        config, own = self.system.rows[row]
        options = [*self._schedule(), *own, *_expect(one), *_read_masks(one)]
        name = f'prior_{one.trained.checkpoint_hash[:8]}'
        return self._metrics(
            str(config),
            options,
            trained._replace(folder=trained.folder / name),
        )

    def _metrics(
        self, config: str, options: list[str], trained: Trained
    ) -> dict:
        return steps.run_test(self.launcher, config, options, trained)[
            'metrics'
        ]

    def _schedule(self, times: int = 1) -> list[str]:
        return [
            *self.options,
            f'train_cfg.max_epochs={times * self.epochs}',
            f'param_scheduler.0.T_max={times * self.epochs}',
        ]


def _expect(one: StageOne) -> list[str]:
    """Accept masks of this stage one only."""
    made_by = one.trained.checkpoint_hash
    return [f'default_hooks.mask_prior_check.expect_checkpoint={made_by}']


def _load_weights(one: StageOne) -> list[str]:
    """Load its weights; queries and classes differ in number, so not those."""
    return [f'load_from={one.trained.folder / one.trained.checkpoint}']


def _read_masks(one: StageOne) -> list[str]:
    return [
        f'{split}_dataloader.dataset.mask_prior.root={one.masks}'
        for split in SPLITS
    ]
