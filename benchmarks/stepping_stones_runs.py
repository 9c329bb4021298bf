"""The trainings and tests of ``benchmarks.stepping_stones``."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from mmavs.datasets.avsbench import SPLITS
from mmavs.engine import steps
from mmavs.engine.launcher import LoggingLauncher
from mmavs.engine.steps import Trained

from benchmarks.stepping_stones_rows import (
    NUM_FOLDS,
    ORACLE,
    SINGLE_MASKS,
    SINGLE_STAGE,
    STAGE_ONE,
    Row,
    System,
)
from tools.stepping_stones import stages

#: Tests any stage two with the true masks as prior.
_TRUE_PRIOR = 'test_dataloader.dataset.mask_prior.source=truth'
#: Scores where a model of all classes predicts any of them.
_LOCALISATION = (
    'test_evaluator.type=AVSBinaryMetric',
    'test_evaluator.protocols=[split]',
    'test_evaluator.merge_classes=True',
)


class StageOne(NamedTuple):
    """Result of a stage one, or of a single stage in its place.

    Attributes:
        trained (Trained): The training.
        masks (Path): Folder of the masks that it predicts.
    """

    trained: Trained
    masks: Path


class Folds(NamedTuple):
    """Result of the stages one of all folds.

    Attributes:
        checkpoints (list[str]): SHA-256 of their checkpoints.
        masks (Path): Folder of their masks of the training clips.
    """

    checkpoints: list[str]
    masks: Path


class Seed:
    """The trainings and tests of one seed.

    Every row, stage one and the folds are submitted to the pool once, after
    what they wait for, so that a pool of any size finishes.

    Args:
        seed (int): Seed of the trainings. The data do not depend on it.
        root (Path): Work dir of all seeds.
        launcher (LoggingLauncher): Starts the tools.
        epochs (int): Epochs of one stage.
        options (list[str]): Overrides of all configs.
        system (System): Rows.
        pool (ThreadPoolExecutor): Runs the steps.
    """

    def __init__(
        self,
        seed: int,
        root: Path,
        launcher: LoggingLauncher,
        epochs: int,
        options: list[str],
        system: System,
        pool: ThreadPoolExecutor,
    ) -> None:
        self.system = system
        self.root = root / f'seed_{seed}'
        self.launcher = launcher
        self.epochs = epochs
        self.options = [*options, f'randomness.seed={seed}']
        self.pool = pool
        self._one: Future[StageOne] | None = None
        self._single: Future[StageOne] | None = None
        self._folds: Future[Folds] | None = None

    def submit(self, name: str) -> Future[dict[str, dict]]:
        """Submit the training and the tests of a row.

        Args:
            name (str): Key of ``System.rows``.

        Returns:
            Future[dict[str, dict]]: Metrics by row; a stage two has further
            rows, tested with other masks as prior.
        """
        row = self.system.rows[name]
        if name == STAGE_ONE:
            return self.pool.submit(self._test_stage_one, name, self.one())
        if name == SINGLE_STAGE:
            return self.pool.submit(self._test_single, name, self.single())
        if not row.uses_masks:
            one = self.one() if row.uses_weights else None
            return self.pool.submit(self._longer_stage, name, row, one)
        folds = self.folds() if row.cross_fit else None
        single = self.single() if row.single_masks else None
        one = self.single() if row.after_single else self.one()
        return self.pool.submit(self._stage_two, name, row, one, folds, single)

    def one(self) -> Future[StageOne]:
        """Return the stage one that is trained on all training clips."""
        if self._one is None:
            self._one = self.pool.submit(self._stage_one)
        return self._one

    def single(self) -> Future[StageOne]:
        """Return the single stage of one stage's steps."""
        if self._single is None:
            self._single = self.pool.submit(self._single_stage)
        return self._single

    def folds(self) -> Future[Folds]:
        """Return the stages one of the folds."""
        if self._folds is None:
            self._folds = self.pool.submit(self._cross_fit)
        return self._folds

    def _stage_one(self) -> StageOne:
        """Train stage one and write its masks."""
        row, options = self.system.rows[STAGE_ONE], self._schedule(1)
        trained = self._train(row, options)
        masks = self.root / 'masks'
        config = str(row.config)
        stages.dump_masks(self.launcher, masks, config, options, trained)
        return StageOne(trained, masks)

    def _single_stage(self) -> StageOne:
        """Train the single stage; write where it predicts any class."""
        row, options = self.system.rows[SINGLE_STAGE], self._schedule(1)
        trained = self._train(row, options)
        masks = self.root / 'masks_single_stage'
        stages.dump_masks(
            *(self.launcher, masks, str(row.config), options, trained),
            merge_classes=True,
        )
        return StageOne(trained, masks)

    def _cross_fit(self) -> Folds:
        """Train on the clips outside each fold, for as many steps."""
        row = self.system.rows[STAGE_ONE]
        masks = self.root / f'masks_cross_fit_{NUM_FOLDS}'
        epochs = round(self.epochs * NUM_FOLDS / (NUM_FOLDS - 1))
        checkpoints = stages.cross_fit(
            *(self.launcher, self.root, row.step, str(row.config)),
            [*self.options, *_epochs(epochs)],
            num_folds=NUM_FOLDS,
            masks=masks,
        )
        return Folds(checkpoints, masks)

    def _test_stage_one(
        self, name: str, one: Future[StageOne]
    ) -> dict[str, dict]:
        row, options = self.system.rows[name], self._schedule(1)
        return {name: self._test(row, options, one.result().trained)}

    def _test_single(
        self, name: str, single: Future[StageOne]
    ) -> dict[str, dict]:
        row, options = self.system.rows[name], self._schedule(1)
        trained = single.result().trained
        return {name: self._test_classes(row, options, trained)}

    def _longer_stage(
        self, name: str, row: Row, one: Future[StageOne] | None
    ) -> dict[str, dict]:
        """Train longer, or from stage one's weights, without a prior."""
        options = [*self._schedule(row.times), *row.options]
        if one is not None:
            options += _load_weights(one.result())
        trained = self._train(row, options)
        return {name: self._test_classes(row, options, trained)}

    def _test_classes(
        self, row: Row, options: Sequence[str], trained: Trained
    ) -> dict:
        """Test the classes and the localisation of a single stage."""
        metrics = self._test(row, options, trained)
        merged = self._test(
            row, [*options, *_LOCALISATION], trained, 'localisation'
        )
        return {**metrics, **merged}

    def _stage_two(
        self,
        name: str,
        row: Row,
        stage_one: Future[StageOne],
        cross_fit: Future[Folds] | None,
        single: Future[StageOne] | None,
    ) -> dict[str, dict]:
        """Train stage two; test it with every kind of masks."""
        one = stage_one.result()
        options = [*self._schedule(row.times), *row.options, *_expect(one)]
        places = _read_masks(one)
        if row.uses_weights or row.after_single:
            options += _load_weights(one)
        if cross_fit is not None:
            folds = cross_fit.result()
            options.append(_expect_folds(folds))
            places.append(_read_fold_masks(folds))
        trained = self._train(row, options, places)
        tested = [*options, *places]
        results = {
            name: self._test(row, tested, trained),
            f'{name}{ORACLE}': self._test(
                row, [*tested, _TRUE_PRIOR], trained, 'oracle_prior'
            ),
        }
        if single is not None:
            others = [*_expect(single.result()), _read_test(single.result())]
            results[f'{name}{SINGLE_MASKS}'] = self._test(
                row, [*tested, *others], trained, 'single_stage_prior'
            )
        return results

    def _train(
        self, row: Row, options: Sequence[str], places: Sequence[str] = ()
    ) -> Trained:
        return steps.run_training(
            *(self.launcher, self.root, row.step, str(row.config)),
            *(options, places),
        )

    def _test(
        self,
        row: Row,
        options: Sequence[str],
        trained: Trained,
        folder: str = '',
    ) -> dict:
        """Test a model; another test than the first needs a folder."""
        return steps.run_test(
            *(self.launcher, str(row.config), options),
            trained._replace(folder=trained.folder / folder),
        )['metrics']

    def _schedule(self, times: int) -> list[str]:
        return [*self.options, *_epochs(times * self.epochs)]


def _epochs(number: int) -> list[str]:
    return [
        f'train_cfg.max_epochs={number}',
        f'param_scheduler.0.T_max={number}',
    ]


def _expect(one: StageOne) -> list[str]:
    """Accept masks of this stage one only."""
    made_by = one.trained.checkpoint_hash
    return [f'default_hooks.mask_prior_check.expect_checkpoint={made_by}']


def _expect_folds(folds: Folds) -> str:
    return stages.expect_held_out('v1m', folds.checkpoints)


def _load_weights(one: StageOne) -> list[str]:
    """Load its weights; queries and classes differ in number, so not those."""
    return [f'load_from={one.trained.folder / one.trained.checkpoint}']


def _read_masks(one: StageOne) -> list[str]:
    return [
        f'{split}_dataloader.dataset.mask_prior.root={one.masks}'
        for split in SPLITS
    ]


def _read_test(single: StageOne) -> str:
    return f'test_dataloader.dataset.mask_prior.root={single.masks}'


def _read_fold_masks(folds: Folds) -> str:
    return f'train_dataloader.dataset.mask_prior.root={folds.masks}'
