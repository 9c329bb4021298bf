"""Reduce the screen output of the tools; the log file stays complete."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import warnings
from typing import Any

from mmengine.logging import MMLogger
from mmengine.runner import Runner

from mmavs.checkpoint import load_from_local
from mmavs.checkpoint_weights import describe_misfit

#: Beginnings of long messages that mmengine logs before the first step.
_FOR_THE_FILE = (
    '\n' + '-' * 60 + '\nSystem environment:',
    'Config:\n',
    'Hooks will be executed in the following order:',
)
#: Beginnings of mmengine's messages about its own code.
_DEPRECATIONS = (
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
)
#: Beginning of a message that mmseg and mmdet print when they are imported.
_IMPORT_NOTICE = 'Could not import OneDL'


def quiet_libraries() -> None:
    """Suppress messages of other packages about their own code.

    Only the tools call this; ``import mmavs`` has no such effect. It
    suppresses ``Could not import OneDL`` (optional data sets of mmseg, which
    registries import when they are first used) and the warning of
    ``torch.meshgrid`` about mmdet's Swin Transformer.
    """
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        importlib.import_module('mmseg.datasets')
    for line in output.getvalue().splitlines():
        if not line.startswith(_IMPORT_NOTICE):
            print(line)
    warnings.filterwarnings('ignore', 'torch.meshgrid: ', UserWarning)


class ToolRunner(Runner):
    """mmengine's ``Runner`` with less screen output at the start.

    The environment, the config, the list of hooks, and messages of mmengine
    about its own code are written to the log file only. One line on the
    screen names that file.

    Attributes:
        checkpoint_path (str | None): The file that ``load_checkpoint`` read
            last, for error messages of hooks.
        checkpoint_seed (int | None): Seed of the training that wrote this
            file, if the file names it.
    """

    checkpoint_path: str | None = None
    checkpoint_seed: int | None = None

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> Any:
        """Load a checkpoint as mmengine does, and remember its path.

        Args:
            filename (str): The file.
            *args (Any): As in ``Runner.load_checkpoint``.
            **kwargs (Any): As in ``Runner.load_checkpoint``.

        Returns:
            Any: The checkpoint.
        """
        self.checkpoint_path = str(filename)
        checkpoint = super().load_checkpoint(filename, *args, **kwargs)
        meta = checkpoint.get('meta')
        self.checkpoint_seed = (
            meta.get('seed') if isinstance(meta, dict) else None
        )
        return checkpoint

    def load_for_test(self, filename: str, config: str) -> None:
        """Load all weights of the model; none may be missing or left over.

        ``load_from`` of the config would only warn about missing weights and
        test with random ones.

        Args:
            filename (str): The checkpoint.
            config (str): Name of the config, for the error message.

        Raises:
            ValueError: If the checkpoint has the weights of another model.
        """
        try:
            self.load_checkpoint(filename, strict=True)
        except RuntimeError as error:
            content = load_from_local(filename, map_location='cpu')
            raise ValueError(
                f'{filename}: expected the weights of the model of {config}, '
                'got others; give the config that the checkpoint was trained '
                f'with. {describe_misfit(self.model, content)}'
            ) from error

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger as mmengine does, and filter its screen output.

        Args:
            *args (Any): As in ``Runner.build_logger``.
            **kwargs (Any): As in ``Runner.build_logger``.

        Returns:
            MMLogger: The logger.
        """
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                logger.info(
                    f'Environment, config and hooks: {handler.baseFilename}'
                )
            else:
                handler.addFilter(_is_for_the_screen)
        return logger


def _is_for_the_screen(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_FOR_THE_FILE + _DEPRECATIONS)
